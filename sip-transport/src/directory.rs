//! The connections of all workers: which one leads to an address, and how many there may be.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use sip_core::Transport;
use sip_transaction::ConnectionId;

use crate::settings::StreamSettings;

/// All connections of the server, for all its workers. Only opening, closing and looking for one takes its lock.
pub(crate) struct Directory {
    index: Mutex<Index>,
    /// Octets that wait on all connections together.
    waiting: AtomicUsize,
    waiting_bound: usize,
}

struct Index {
    by_remote: HashMap<(Transport, SocketAddr), ConnectionId>,
    by_source: HashMap<IpAddr, u32>,
    open: usize,
    bound: usize,
    bound_per_source: u32,
}

/// The server holds as many connections as it may, in all or from this source.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Directory {
    pub(crate) fn new(settings: &StreamSettings) -> Directory {
        Directory {
            index: Mutex::new(Index {
                by_remote: HashMap::new(),
                by_source: HashMap::new(),
                open: 0,
                bound: settings.connections,
                bound_per_source: settings.connections_per_source,
            }),
            waiting: AtomicUsize::new(0),
            waiting_bound: settings.write_queue_total,
        }
    }

    /// Makes room for one more connection with `remote`.
    pub(crate) fn open(
        &self,
        transport: Transport,
        remote: SocketAddr,
        id: ConnectionId,
    ) -> Result<(), Full> {
        let mut index = self.lock();
        let from_source = index.by_source.get(&remote.ip()).copied().unwrap_or(0);
        if index.open >= index.bound || from_source >= index.bound_per_source {
            return Err(Full);
        }
        index.open += 1;
        index.by_source.insert(remote.ip(), from_source + 1);
        index.by_remote.entry((transport, remote)).or_insert(id);
        Ok(())
    }

    /// Lets requests to `port` at the connection's peer take the connection, too. False if another one leads there.
    pub(crate) fn alias(&self, transport: Transport, alias: SocketAddr, id: ConnectionId) -> bool {
        *self
            .lock()
            .by_remote
            .entry((transport, alias))
            .or_insert(id)
            == id
    }

    /// The connection that leads to `remote`, whoever opened it.
    pub(crate) fn find(&self, transport: Transport, remote: SocketAddr) -> Option<ConnectionId> {
        self.lock().by_remote.get(&(transport, remote)).copied()
    }

    /// Takes the connection out of those that new messages go by.
    pub(crate) fn retire(
        &self,
        transport: Transport,
        remotes: impl Iterator<Item = SocketAddr>,
        id: ConnectionId,
    ) {
        let mut index = self.lock();
        for remote in remotes {
            let key = (transport, remote);
            if index.by_remote.get(&key) == Some(&id) {
                index.by_remote.remove(&key);
            }
        }
    }

    /// Gives back the room of a connection with `source`.
    pub(crate) fn close(&self, source: IpAddr) {
        let mut index = self.lock();
        index.open = index.open.saturating_sub(1);
        match index.by_source.get_mut(&source) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                index.by_source.remove(&source);
            }
        }
    }

    /// Takes room for octets that wait on a connection. False when there is none.
    pub(crate) fn reserve(&self, octets: usize) -> bool {
        let before = self.waiting.fetch_add(octets, Ordering::Relaxed);
        let fits = before + octets <= self.waiting_bound;
        if !fits {
            self.release(octets);
        }
        fits
    }

    /// Gives room back.
    pub(crate) fn release(&self, octets: usize) {
        self.waiting.fetch_sub(octets, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        // Each change is complete before anything could panic, so a poisoned index is still sound.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "192.0.2.1:40000";

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn directory(connections: usize, connections_per_source: u32) -> Directory {
        Directory::new(&StreamSettings {
            connections,
            connections_per_source,
            write_queue_total: 100,
            ..StreamSettings::default()
        })
    }

    #[test]
    fn a_connection_is_found_by_its_peer_and_by_its_alias_until_it_retires() {
        let directory = directory(9, 9);
        let id = ConnectionId::new(1, 1);
        directory.open(Transport::Tcp, addr(ALICE), id).unwrap();
        let alias = addr("192.0.2.1:5060");
        assert!(directory.alias(Transport::Tcp, alias, id));
        assert_eq!(directory.find(Transport::Tcp, addr(ALICE)), Some(id));
        assert_eq!(directory.find(Transport::Tcp, alias), Some(id));
        assert_eq!(directory.find(Transport::Tls, alias), None);

        let stranger = ConnectionId::new(0, 2);
        assert!(!directory.alias(Transport::Tcp, alias, stranger));
        directory.retire(Transport::Tcp, [alias].into_iter(), stranger);
        assert_eq!(directory.find(Transport::Tcp, alias), Some(id));

        directory.retire(Transport::Tcp, [addr(ALICE), alias].into_iter(), id);
        assert_eq!(directory.find(Transport::Tcp, alias), None);
        assert!(directory.lock().by_remote.is_empty());
    }

    #[test]
    fn connections_are_limited_in_all_and_for_each_source() {
        let directory = directory(3, 2);
        let open = |remote: &str, serial| {
            directory.open(Transport::Tcp, addr(remote), ConnectionId::new(0, serial))
        };
        assert_eq!(open("192.0.2.1:1", 1), Ok(()));
        assert_eq!(open("192.0.2.1:2", 2), Ok(()));
        assert_eq!(open("192.0.2.1:3", 3), Err(Full));
        assert_eq!(open("192.0.2.2:1", 4), Ok(()));
        assert_eq!(open("192.0.2.3:1", 5), Err(Full));
        for source in ["192.0.2.1", "192.0.2.1", "192.0.2.2"] {
            directory.close(source.parse().unwrap());
        }
        assert_eq!(directory.lock().open, 0);
        assert!(directory.lock().by_source.is_empty());
        assert_eq!(open("192.0.2.1:3", 6), Ok(()));
    }

    #[test]
    fn what_waits_on_all_connections_is_bounded() {
        let directory = directory(1, 1);
        assert!(directory.reserve(60));
        assert!(!directory.reserve(60));
        assert!(directory.reserve(40));
        directory.release(60);
        assert!(directory.reserve(60));
    }
}
