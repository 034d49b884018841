//! Workers that are killed at any point of a job with a provider: no task is handed in twice, no credit captured twice, and every job ends.
//!
//! A worker is this program, started again. Whatever it does to the outside, writing down included, passes by the parent, which kills it
//! (SIGKILL) before or after the chosen one: so the points are random and yet the same for the same seed, and no clock decides.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod fakes;

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    pin::Pin,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use easel_providers::{
    Account, Attempt, AttemptKey, Catalogue, Delivery, Drive, DriveError, Journal, Kind, NotWritten, Pace, Step, connect,
};
use fakes::{
    Fake, Received, Reply,
    accounts::{account, attempt, base, fitted, hosts, order},
    client,
    services::{accepted, picture_url, polled, submits},
};

const WORKER: &str = "EASEL_TEST_PROVIDER_WORKER";
const NEVER: usize = usize::MAX;
const KINDS: &[Kind] = Kind::ALL;
const SEED: u64 = 20_261_128;

/// A job's folder: what is known of its attempt, and whether it was paid.
struct Folder {
    path: PathBuf,
    port: u16,
}

impl Folder {
    /// Passes by the parent, which may end us here.
    fn point(&self, name: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET /point/{name} HTTP/1.1\r\nhost: parent\r\n\r\n").unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    }

    fn known(&self) -> Option<Step> {
        Some(serde_json::from_slice(&fs::read(self.path.join("step")).ok()?).unwrap())
    }

    fn keep(&self, step: &Step) {
        let draft = self.path.join("draft");
        let mut file = File::create(&draft).unwrap();
        file.write_all(&serde_json::to_vec(step).unwrap()).unwrap();
        file.sync_all().unwrap();
        fs::rename(&draft, self.path.join("step")).unwrap();
    }

    /// Takes the credits: once, or the file tells.
    fn capture(&self) {
        let twice = File::create_new(self.path.join("captured")).is_err();
        if twice {
            File::create(self.path.join("captured-twice")).unwrap();
        }
    }

    fn is_captured(&self) -> bool {
        self.path.join("captured").exists()
    }

    fn failure(&self) -> Option<String> {
        match self.known()? {
            Step::Ended { failure } => failure?.code,
            _ => None,
        }
    }
}

impl Journal for Folder {
    fn write<'a>(
        &'a self,
        _: &'a AttemptKey,
        step: &'a Step,
    ) -> Pin<Box<dyn Future<Output = Result<(), NotWritten>> + Send + 'a>> {
        Box::pin(async move {
            self.point("before-writing");
            self.keep(step);
            self.point("after-writing");
            Ok(())
        })
    }

    fn keep_answer<'a>(
        &'a self,
        _: &'a AttemptKey,
        answer: &'a Delivery,
    ) -> Pin<Box<dyn Future<Output = Result<(), NotWritten>> + Send + 'a>> {
        Box::pin(async move {
            self.point("before-keeping");
            let draft = self.path.join("draft-answer");
            let mut file = File::create(&draft).unwrap();
            file.write_all(answer.to_json().as_bytes()).unwrap();
            file.sync_all().unwrap();
            fs::rename(&draft, self.path.join("answer")).unwrap();
            self.point("after-keeping");
            Ok(())
        })
    }

    fn kept_answer<'a>(
        &'a self,
        _: &'a AttemptKey,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Delivery>, NotWritten>> + Send + 'a>> {
        let kept = fs::read_to_string(self.path.join("answer")).ok();
        Box::pin(async move { Ok(kept.as_deref().and_then(Delivery::from_json)) })
    }
}

/// What a worker does with a job: it goes on where the last one stopped.
async fn work(settings: &str) {
    let mut words = settings.split('|');
    let (kind, port, path) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let (kind, port): (Kind, u16) = (kind.parse().unwrap(), port.parse().unwrap());
    let folder = Folder { path: path.into(), port };
    if folder.is_captured() {
        return;
    }
    let (api, files) = hosts(kind);
    let account = Account { idempotent: true, ..account(kind, base(kind, port)) };
    let registered = connect(&client(&[api, files], port), &Catalogue::shipped(), account).unwrap();
    let pace = Pace { first: Duration::from_millis(1), longest: Duration::from_millis(1), retries: 2 };
    let drive = Drive { provider: &*registered.provider, journal: &folder, pace, wake: None };
    let attempt = Attempt { time_left: Duration::from_secs(60), ..attempt(kind) };
    match drive.run(&fitted(&registered, &order(kind)), &attempt, folder.known()).await {
        Ok(served) => {
            assert_eq!(served.pictures.len(), 1);
            folder.point("before-capture");
            folder.capture();
            folder.point("after-capture");
        }
        Err(DriveError::Provider(failure)) => assert_eq!(failure.code.as_deref(), Some("outcome_unknown"), "{failure:?}"),
        Err(DriveError::Journal) => panic!("the folder takes everything"),
    }
}

/// One job's world: its provider, its worker, and when that is killed.
struct World {
    kind: Kind,
    folder: tempfile::TempDir,
    fake: Fake,
    worker: Arc<Mutex<Option<Child>>>,
    /// Points passed since the worker was started, two for each request.
    passed: Arc<AtomicUsize>,
    kill_at: Arc<AtomicUsize>,
    /// The keys of what was handed in; a server that honours them does nothing for one it knows.
    handed_in: Arc<Mutex<Vec<String>>>,
}

impl World {
    async fn new(kind: Kind) -> Self {
        let (worker, handed_in) = (Arc::new(Mutex::new(None::<Child>)), Arc::new(Mutex::new(Vec::new())));
        let [passed, kill_at, asked, own_port]: [Arc<AtomicUsize>; 4] = Default::default();
        let (killed, keys, count, at, port) =
            (worker.clone(), handed_in.clone(), passed.clone(), kill_at.clone(), own_port.clone());
        let fake = Fake::start(move |request| {
            let point = count.fetch_add(2, Ordering::SeqCst);
            let kill = |point| {
                let now = point == at.load(Ordering::SeqCst);
                if now {
                    killed.lock().unwrap().as_mut().unwrap().kill().unwrap();
                }
                now
            };
            if kill(point) {
                return Reply::Silence;
            }
            let reply = answer(kind, request, u16::try_from(port.load(Ordering::SeqCst)).unwrap(), &asked, &keys);
            if kill(point + 1) { Reply::Silence } else { reply }
        })
        .await;
        own_port.store(usize::from(fake.port()), Ordering::SeqCst);
        Self { kind, folder: tempfile::tempdir().unwrap(), fake, worker, passed, kill_at, handed_in }
    }

    /// Runs a worker until it ends or is killed; how many points it passed.
    fn run(&self, kill_at: usize) -> usize {
        self.passed.store(0, Ordering::SeqCst);
        self.kill_at.store(kill_at, Ordering::SeqCst);
        let settings = format!("{}|{}|{}", self.kind, self.fake.port(), self.folder.path().display());
        {
            // Nobody can be killed before this is let go.
            let mut worker = self.worker.lock().unwrap();
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "workers_are_killed_anywhere", "--test-threads", "1"]).env(WORKER, settings);
            *worker = Some(command.stdout(Stdio::null()).spawn().unwrap());
        }
        loop {
            // The lock is let go in between, for whoever kills.
            let ended = self.worker.lock().unwrap().as_mut().unwrap().try_wait().unwrap();
            if let Some(status) = ended {
                assert!(status.success() || kill_at != NEVER, "{}: {status}", self.kind);
                return self.passed.load(Ordering::SeqCst);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn folder(&self) -> Folder {
        Folder { path: Path::to_path_buf(self.folder.path()), port: self.fake.port() }
    }
}

fn answer(kind: Kind, request: &Received, port: u16, asked: &AtomicUsize, keys: &Mutex<Vec<String>>) -> Reply {
    if request.path.starts_with("/point/") {
        return Reply::With(200, String::new(), Vec::new());
    }
    if request.path.starts_with("/files/") {
        return Reply::png();
    }
    if submits(kind, request) {
        let header = |line: &str| line.strip_prefix("idempotency-key: ").map(str::to_owned);
        let key = request.head.lines().find_map(header).unwrap_or_default();
        let mut keys = keys.lock().unwrap();
        let known = kind == Kind::OpenaiCompatible && keys.contains(&key);
        if !known {
            keys.push(key);
        }
        return Reply::ok(accepted(kind, port));
    }
    // Slow: it is asked three times before it is done.
    let done = asked.fetch_add(1, Ordering::SeqCst) >= 3;
    Reply::ok(polled(kind, &request.path, done, &picture_url(kind, port)))
}

/// Numbers that are the same for the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_are_killed_anywhere() {
    if let Ok(settings) = std::env::var(WORKER) {
        return work(&settings).await;
    }
    let mut points = Vec::new();
    for &kind in KINDS {
        let world = World::new(kind).await;
        points.push(tokio::task::block_in_place(|| world.run(NEVER)));
        assert!(world.folder().is_captured(), "{kind}: undisturbed, it works");
    }
    let mut dice = Dice(SEED);
    let (mut kills, mut captured, mut given_up) = (0, 0, 0);
    for job in 0..54 {
        let which = job % KINDS.len();
        let world = World::new(KINDS[which]).await;
        let mut history = Vec::new();
        // The first worker is always killed, and sometimes the one that goes on.
        for _ in 0..1 + dice.below(3) {
            let kill_at = dice.below(points[which]);
            let passed = tokio::task::block_in_place(|| world.run(kill_at));
            kills += usize::from(passed > kill_at);
            history.push((kill_at, passed));
        }
        tokio::task::block_in_place(|| world.run(NEVER));
        let (folder, handed_in) = (world.folder(), world.handed_in.lock().unwrap().len());
        let what = format!("seed {SEED}, job {job}, {}, killed at {history:?}", KINDS[which]);
        assert!(handed_in <= 1, "{what}: handed in {handed_in} times");
        assert!(!folder.path.join("captured-twice").exists(), "{what}: captured twice");
        match (folder.is_captured(), folder.failure().as_deref()) {
            (true, _) => {
                assert_eq!(handed_in, 1, "{what}");
                captured += 1;
            }
            (false, Some("outcome_unknown")) => {
                assert!(!folder.path.join("answer").exists(), "{what}: its answer was there");
                given_up += 1;
            }
            (false, other) => panic!("{what}: did not end: {other:?}"),
        }
        if KINDS[which] == Kind::OpenaiCompatible {
            assert!(folder.is_captured(), "{what}: a server that honours keys loses nothing");
        }
    }
    println!("{kills} kills in 54 jobs: {captured} captured, {given_up} given up as unknown");
    assert!(kills >= 50 && captured > 0 && given_up > 0, "{kills} kills, {captured} captured, {given_up} given up");
}
