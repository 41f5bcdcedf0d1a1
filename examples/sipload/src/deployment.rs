//! A server started for a run: up before a deadline, and surely gone afterwards.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use procfs::process::Process;

use crate::failure::Failure;
use crate::server_file::ServerFile;

/// How often a process is looked at while it is waited for.
const LOOK: Duration = Duration::from_millis(20);

/// How long `stop` may take, and how long processes may take after it.
const STOPPING: Duration = Duration::from_secs(30);
const LEAVING: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 5 });

/// A server that can be started and stopped again and again. Its folder keeps what it wrote until this is dropped, so
/// that users need not be made anew.
#[derive(Debug)]
pub(crate) struct Deployment {
    file: ServerFile,
    users: u32,
    folder: PathBuf,
    /// Something went wrong, and the logs there tell what.
    keep: bool,
}

impl Deployment {
    /// A server with so many users, in a fresh folder.
    pub(crate) fn new(file: ServerFile, users: u32) -> Result<Deployment, Failure> {
        let folder = fresh_folder().map_err(|error| {
            let place = std::env::temp_dir();
            Failure::new(format!(
                "cannot make a folder in {}: {error}; set TMPDIR to another",
                place.display()
            ))
        })?;
        Ok(Deployment {
            file,
            users,
            folder,
            keep: false,
        })
    }

    pub(crate) fn file(&self) -> &ServerFile {
        &self.file
    }

    /// Starts the server. Dropping the future ends what was started so far.
    pub(crate) async fn start(&mut self) -> Result<Running, Failure> {
        let started = self.try_start().await;
        self.keep |= started.is_err();
        started.map_err(|problem| {
            let (file, folder) = (self.file.path.display(), self.folder.display());
            Failure::new(format!("{file}: {problem}; its logs are in {folder}"))
        })
    }

    async fn try_start(&self) -> Result<Running, String> {
        let (out, log) = (self.folder.join("start.out"), self.folder.join("start.log"));
        let starter = command_in(
            &self.file,
            self.users,
            &self.folder,
            &self.file.start,
            &out,
            &log,
        )?;
        let stop = (self.file.clone(), self.users, self.folder.clone());
        let mut running = Running::new(starter, stop);
        let until = Instant::now() + *self.file.deadline;
        while running.is_starting() {
            if Instant::now() >= until {
                let deadline = self.file.deadline;
                return Err(format!(
                    "the server was not up after {deadline}{}",
                    because(&log)
                ));
            }
            tokio::time::sleep(LOOK).await;
        }
        let status = exit_status(running.group);
        if status != Some(0) {
            let status = status.map_or_else(
                || "a signal".to_owned(),
                |status| format!("status {status}"),
            );
            return Err(format!("start ended with {status}{}", because(&log)));
        }
        let printed = fs::read_to_string(&out)
            .map_err(|error| format!("cannot read what start printed: {error}"))?;
        running.note(Told::read(&printed)?)?;
        Ok(running)
    }
}

/// A folder that was not there, for this user alone.
fn fresh_folder() -> io::Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("sipload-{}-{count}", process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            // Logs that an earlier process of this number left.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| folder),
        }
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be removed stays in the folder for temporary things.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Runs a command of the description in a process group of its own. It writes into files, so that nothing waits for
/// a server that keeps a pipe open.
fn command_in(
    file: &ServerFile,
    users: u32,
    folder: &Path,
    command: &str,
    out: &Path,
    log: &Path,
) -> Result<Child, String> {
    let create = |path: &Path| {
        File::create(path).map_err(|error| format!("cannot write {}: {error}", path.display()))
    };
    let [user, password] = &file.patterns;
    Command::new("sh")
        .args(["-c", command])
        .current_dir(file.folder())
        .envs(&file.environment)
        .env("RUN", folder)
        .env("USERS", users.to_string())
        .env("USER_PATTERN", user)
        .env("PASSWORD_PATTERN", password)
        .env("SIPLOAD", std::env::current_exe().unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(create(out)?)
        .stderr(create(log)?)
        .process_group(0)
        .spawn()
        .map_err(|error| format!("cannot run sh: {error}"))
}

/// The last line of a log, as the reason of what happened.
fn because(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let last = text
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty());
    last.map(|line| format!(": {line}")).unwrap_or_default()
}

/// What `start` printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) server_pids: Vec<i32>,
    pub(crate) database_pids: Vec<i32>,
    pub(crate) udp: Option<SocketAddr>,
    pub(crate) tcp: Option<SocketAddr>,
    pub(crate) domain: String,
}

impl Told {
    /// Reads `NAME=VALUE` lines; others are none of our business.
    fn read(printed: &str) -> Result<Told, String> {
        let mut told = Told::default();
        for (name, value) in printed
            .lines()
            .filter_map(|line| line.trim().split_once('='))
        {
            let pid = || value.parse().ok().filter(|pid| *pid > 1);
            let pid = || {
                pid().ok_or_else(|| format!("start printed {name}={value}, which is no process"))
            };
            let addr = || value.parse();
            let addr = || {
                addr().map_err(|_| {
                    format!("start printed {name}={value}; write it like {name}=127.0.0.1:5060")
                })
            };
            match name {
                "SERVER_PID" => told.server_pids.push(pid()?),
                "DB_PID" => told.database_pids.push(pid()?),
                "UDP" => told.udp = Some(addr()?),
                "TCP" => told.tcp = Some(addr()?),
                "DOMAIN" => told.domain = value.to_owned(),
                _ => {}
            }
        }
        let missing = [
            (told.server_pids.is_empty(), "SERVER_PID="),
            (told.domain.is_empty(), "DOMAIN="),
            (told.udp.is_none() && told.tcp.is_none(), "UDP= or TCP="),
        ];
        match missing.iter().find(|(missing, _)| *missing) {
            Some((_, name)) => Err(format!("start printed no {name} line")),
            None => Ok(told),
        }
    }
}

/// A server that runs until it is stopped or this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) told: Told,
    /// Not waited for until the end: as long as it is a zombie, nobody else can have the number of its group.
    starter: Child,
    group: Pid,
    processes: Vec<Known>,
    stop: (ServerFile, u32, PathBuf),
    ended: bool,
}

/// A process, and when it began: numbers are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    pid: Pid,
    began: u64,
}

impl Running {
    fn new(starter: Child, stop: (ServerFile, u32, PathBuf)) -> Running {
        Running {
            told: Told::default(),
            group: Pid::from_raw(starter.id().cast_signed()),
            starter,
            processes: Vec::new(),
            stop,
            ended: false,
        }
    }

    /// `start` has not returned.
    fn is_starting(&self) -> bool {
        Known::of(self.group).is_some()
    }

    fn note(&mut self, told: Told) -> Result<(), String> {
        for pid in told.server_pids.iter().chain(&told.database_pids) {
            let known = Known::of(Pid::from_raw(*pid));
            let gone = || format!("start printed process {pid}, which does not run");
            self.processes.push(known.ok_or_else(gone)?);
        }
        self.told = told;
        Ok(())
    }

    /// Stops the server. When this returns nothing of it is left, even if it did not go by itself, which is told.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        let file = self.stop.0.path.display().to_string();
        self.end()
            .map_err(|problem| Failure::new(format!("{file}: {problem}")))
    }

    fn end(&mut self) -> Result<(), String> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        let stopped = self.run_stop();
        let stayed: Vec<Known> = self
            .processes
            .iter()
            .copied()
            .filter(|known| !known.left_within(LEAVING))
            .collect();
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            for known in stayed.iter().filter(|known| known.is_there()) {
                // It may have gone this moment.
                let _ = kill(known.pid, signal);
            }
            for known in &stayed {
                known.left_within(LEAVING);
            }
        }
        // Whatever else the start left behind.
        let _ = killpg(self.group, Signal::SIGKILL);
        let _ = self.starter.wait();
        stopped?;
        match stayed.first() {
            Some(known) => Err(format!(
                "stop left process {} running, which has been killed",
                known.pid
            )),
            None => Ok(()),
        }
    }

    fn run_stop(&self) -> Result<(), String> {
        let (file, users, folder) = &self.stop;
        let (out, log) = (folder.join("stop.out"), folder.join("stop.log"));
        let mut child = command_in(file, *users, folder, &file.stop, &out, &log)?;
        let group = Pid::from_raw(child.id().cast_signed());
        let until = Instant::now() + STOPPING;
        while Known::of(group).is_some() && Instant::now() < until {
            thread::sleep(LOOK);
        }
        let in_time = Known::of(group).is_none();
        let _ = killpg(group, Signal::SIGKILL);
        let status = child
            .wait()
            .map_err(|error| format!("stop is lost: {error}"))?;
        match (in_time, status.success()) {
            (true, true) => Ok(()),
            (true, false) => Err(format!("stop ended with {status}{}", because(&log))),
            (false, _) => Err(format!(
                "stop took more than {} s{}",
                STOPPING.as_secs(),
                because(&log)
            )),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Whoever wants to hear of it calls `stop`.
        let _ = self.end();
    }
}

impl Known {
    /// The process, if it runs.
    fn of(pid: Pid) -> Option<Known> {
        let stat = Process::new(pid.as_raw()).ok()?.stat().ok()?;
        (!matches!(stat.state, 'Z' | 'X')).then_some(Known {
            pid,
            began: stat.starttime,
        })
    }

    fn is_there(self) -> bool {
        Known::of(self.pid) == Some(self)
    }

    fn left_within(self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while self.is_there() {
            if Instant::now() >= until {
                return false;
            }
            thread::sleep(LOOK);
        }
        true
    }
}

/// How a child ended that is not waited for yet; `None` by a signal.
fn exit_status(pid: Pid) -> Option<i32> {
    use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    match waitid(Id::Pid(pid), flags) {
        Ok(WaitStatus::Exited(_, status)) => Some(status),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sleeps. The folder of its files goes with it.
    struct Shell {
        folder: PathBuf,
    }

    impl Shell {
        fn new(name: &str) -> Shell {
            let folder =
                std::env::temp_dir().join(format!("sipload-shell-{}-{name}", process::id()));
            fs::create_dir_all(&folder).unwrap();
            Shell { folder }
        }

        fn deployment(&self, start: &str, stop: &str) -> Deployment {
            fs::write(self.folder.join("start"), start).unwrap();
            fs::write(self.folder.join("stop"), stop).unwrap();
            let path = self.folder.join("server.toml");
            let text = "name = \"shell\"\nstart = \"sh start\"\nstop = \"sh stop\"\ndeadline = \"2s\"\n\
                        user = \"user%06d\"\npassword = \"pw\"\n[environment]\nWORD = \"hello\"\n";
            fs::write(&path, text).unwrap();
            Deployment::new(ServerFile::read(&path).unwrap(), 7).unwrap()
        }
    }

    impl Drop for Shell {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }

    const START: &str = "sleep 1000 &\necho $! >$RUN/pid\necho SERVER_PID=$!\necho UDP=127.0.0.1:5099\n\
                         echo DOMAIN=$WORD.$USERS.$USER_PATTERN\n";
    const STOP: &str = "kill $(cat $RUN/pid)\n";

    fn known(running: &Running) -> Known {
        Known::of(Pid::from_raw(running.told.server_pids[0])).unwrap()
    }

    #[tokio::test]
    async fn a_server_starts_tells_and_stops_twice_in_one_folder() {
        let shell = Shell::new("twice");
        let mut deployment = shell.deployment(START, STOP);
        let folder = deployment.folder.clone();
        for _ in 0..2 {
            let running = deployment.start().await.unwrap();
            let server = known(&running);
            assert_eq!(running.told.domain, "hello.7.user%06d");
            assert_eq!(running.told.udp, Some("127.0.0.1:5099".parse().unwrap()));
            running.stop().unwrap();
            assert!(!server.is_there());
        }
        assert!(folder.join("pid").is_file());
        drop(deployment);
        assert!(!folder.exists());
    }

    #[tokio::test]
    async fn a_server_that_is_dropped_is_stopped() {
        let shell = Shell::new("dropped");
        let mut deployment = shell.deployment(START, STOP);
        let running = deployment.start().await.unwrap();
        let server = known(&running);
        drop(running);
        assert!(!server.is_there());
    }

    #[tokio::test]
    async fn a_server_that_will_not_go_is_killed() {
        let shell = Shell::new("stubborn");
        let stubborn = "sh -c 'trap \"\" TERM; while :; do sleep 0.1; done' &\necho SERVER_PID=$!\n\
                        echo TCP=[::1]:5099\necho DOMAIN=d\n";
        let mut deployment = shell.deployment(stubborn, "exit 0");
        let running = deployment.start().await.unwrap();
        let server = known(&running);
        let told = running.stop().unwrap_err().to_string();
        assert!(told.contains("has been killed"), "{told}");
        assert!(!server.is_there());
    }

    #[tokio::test]
    async fn a_start_that_hangs_ends_at_its_deadline_with_all_it_began() {
        let shell = Shell::new("hangs");
        let start = "sleep 1000 &\necho $! >$RUN/pid\necho waiting for the moon >&2\nwait\n";
        let mut deployment = shell.deployment(start, "exit 0");
        let told = deployment.start().await.unwrap_err().to_string();
        assert!(
            told.contains("not up after 2s: waiting for the moon"),
            "{told}"
        );
        let folder = deployment.folder.clone();
        let pid: i32 = fs::read_to_string(folder.join("pid"))
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let left = Known::of(Pid::from_raw(pid)).is_none_or(|known| known.left_within(LEAVING));
        assert!(left);
        drop(deployment);
        assert!(
            folder.join("start.log").is_file(),
            "logs of a failure are kept"
        );
        fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn a_start_that_is_given_up_ends_all_it_began() {
        let shell = Shell::new("given-up");
        let start = "sleep 1000 &\necho $! >$RUN/pid\nwait\n";
        let mut deployment = shell.deployment(start, STOP);
        let folder = deployment.folder.clone();
        let pid = folder.join("pid");
        tokio::select! {
            _ = deployment.start() => unreachable!("it hangs"),
            () = async { while !fs::read_to_string(&pid).is_ok_and(|pid| pid.ends_with('\n')) { tokio::time::sleep(LOOK).await } } => {}
        }
        let pid: i32 = fs::read_to_string(pid).unwrap().trim().parse().unwrap();
        let left = Known::of(Pid::from_raw(pid)).is_none_or(|known| known.left_within(LEAVING));
        assert!(left);
    }

    #[tokio::test]
    async fn a_start_that_fails_says_why() {
        let shell = Shell::new("fails");
        for (start, told) in [
            (
                "echo no database >&2; exit 3",
                "start ended with status 3: no database",
            ),
            ("kill -9 $$", "start ended with status 137"),
            (
                "echo DOMAIN=d; echo UDP=127.0.0.1:1",
                "start printed no SERVER_PID= line",
            ),
            (
                "echo SERVER_PID=$$; echo DOMAIN=d",
                "start printed no UDP= or TCP= line",
            ),
            (
                "echo SERVER_PID=1",
                "start printed SERVER_PID=1, which is no process",
            ),
            ("echo UDP=here", "write it like UDP=127.0.0.1:5060"),
            (
                "echo SERVER_PID=$$; echo DOMAIN=d; echo UDP=127.0.0.1:1",
                "which does not run",
            ),
        ] {
            let mut deployment = shell.deployment(start, "exit 0");
            let failure = deployment.start().await.unwrap_err().to_string();
            assert!(failure.contains(told), "{failure}");
            assert!(failure.contains("server.toml: "), "{failure}");
            fs::remove_dir_all(&deployment.folder).unwrap();
        }
    }

    #[tokio::test]
    async fn a_stop_that_fails_is_told_and_the_server_gone() {
        let shell = Shell::new("bad-stop");
        let mut deployment = shell.deployment(START, "echo out of order >&2; exit 1");
        let running = deployment.start().await.unwrap();
        let server = known(&running);
        let told = running.stop().unwrap_err().to_string();
        assert!(told.contains("out of order"), "{told}");
        assert!(!server.is_there());
    }
}
