//! A run against a server that is started for it and stopped afterwards.

use std::time::Duration;

use tokio::time::sleep;

use crate::cli::{Afterwards, Order, Work};
use crate::deployment::Deployment;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::report::record::Record;
use crate::run;

/// Starts the server, carries out `work` against it, and stops it whatever came of that.
pub(crate) async fn measure(
    deployment: &mut Deployment,
    mut work: Work,
    progress: &Progress,
    command: String,
) -> Result<(Record, Afterwards), Failure> {
    let interrupt = Interrupt::new()?;
    let file = deployment.file().clone();
    progress.say(&format!("starting {} …", file.name));
    let running = tokio::select! {
        running = deployment.start() => running?,
        () = interrupted(&interrupt) => return Err(Failure::new("interrupted before the server was up")),
    };
    work.aim(&file, &running.told)?;
    let Order {
        plan,
        watched,
        afterwards,
    } = work.order()?;
    let mut record = run::run(plan, &watched, progress, command).await?;
    record.server = format!("{} at {}", file.name, record.server);
    progress.say(&format!("stopping {} …", file.name));
    let stopped = running.stop();
    progress.end();
    stopped?;
    Ok((record, afterwards))
}

async fn interrupted(interrupt: &Interrupt) {
    while !interrupt.came() {
        sleep(Duration::from_millis(20)).await;
    }
}
