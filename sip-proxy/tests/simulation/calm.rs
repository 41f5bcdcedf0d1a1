//! Alice, bob and a proxy between them that is well: the world of the tests with a name.

use std::rc::Rc;

use sip_core::Transport;
use sip_proxy::Proxy;
use sip_transaction::sim::{Link, PeerId, Sim};

use crate::backends::Backend;
use crate::recipe::Recipe;
use crate::world::nth_address;

pub(crate) struct Calm {
    pub(crate) sim: Sim,
    pub(crate) proxy: PeerId<Proxy>,
    recipe: Rc<Recipe>,
}

impl Calm {
    pub(crate) fn new(link: Link) -> Calm {
        let mut sim = Sim::new(link);
        let bob = Backend::target(Transport::Udp, "bob", &nth_address(1).to_string());
        let backend = Backend::willing(sim.clock(), vec![bob]);
        let recipe = Rc::new(Recipe::new(Transport::Udp, nth_address(2), backend));
        let proxy = recipe.add_to(&mut sim, "proxy");
        sim.alice().through("proxy");
        sim.bob().answers(&[(0.1, 180), (2.0, 200)]);
        Calm { sim, proxy, recipe }
    }

    /// The proxy loses all it knows at that time, and starts again.
    pub(crate) fn restart_at(&mut self, at: f64) {
        let (recipe, proxy) = (Rc::clone(&self.recipe), self.proxy);
        self.sim.at(at, move |sim| recipe.restart(sim, proxy));
    }

    #[track_caller]
    pub(crate) fn assert_idle(&mut self) {
        assert!(self.sim.is_idle());
        assert!(self.sim.peer(self.proxy).user().is_idle());
    }
}
