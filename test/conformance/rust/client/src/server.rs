// A server of ours on a directory of its own, with the kinds module published; killed and started at will.
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub struct Server {
    directory: PathBuf,
    process: Option<Child>,
    port: u16,
    owner: String,
}

fn required(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("set {name}"))
}

impl Server {
    pub fn new() -> Server {
        let directory = std::env::temp_dir().join(format!("spacetime-rust-{}", std::process::id()));
        std::fs::create_dir(&directory).expect("a directory of our own");
        Server { directory, process: None, port: 0, owner: String::new() }
    }

    pub fn uri(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts the program and waits until it says where it listens.
    pub fn start(&mut self) {
        let mut process = Command::new(required("SPACETIME"))
            .args(["start", "--non-interactive", "--data-dir"])
            .arg(&self.directory)
            .arg("--jwt-key-dir")
            .arg(&self.directory)
            .args(["--listen-addr", &format!("127.0.0.1:{}", self.port)])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        self.process = Some(process);
        let mut seen = String::new();
        loop {
            let before = seen.len();
            if lines.read_line(&mut seen).unwrap_or(0) == 0 {
                panic!("the server ended without saying where it listens: {seen}");
            }
            if let Some((_, address)) = seen[before..].split_once("Starting SpacetimeDB listening on ") {
                let port = address.trim().rsplit(':').next().and_then(|port| port.parse().ok());
                self.port = port.unwrap_or_else(|| panic!("no port in {address}"));
                break;
            }
        }
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("SIGKILL");
            process.wait().expect("the server is gone");
        }
    }

    pub fn publish(&mut self) {
        let (_, identity) = self.request("POST", "/v1/identity", "", &[]);
        let identity: Value = serde_json::from_slice(&identity).expect("POST /v1/identity answers with JSON");
        self.owner = identity["token"].as_str().expect("a token").to_string();
        let program = std::fs::read(required("STDB_KINDS_WASM")).expect("the module");
        let (status, answer) = self.request("PUT", "/v1/database/kinds", "application/wasm", &program);
        assert_eq!(status, 200, "publish: {}", String::from_utf8_lossy(&answer));
    }

    /// The rows of one statement, as the database's owner.
    pub fn sql(&self, text: &str) -> Vec<Value> {
        let (status, answer) = self.request("POST", "/v1/database/kinds/sql", "text/plain", text.as_bytes());
        assert_eq!(status, 200, "{text}: {}", String::from_utf8_lossy(&answer));
        let mut answer: Value = serde_json::from_slice(&answer).expect("sql answers with JSON");
        match answer[0]["rows"].take() {
            Value::Array(rows) => rows,
            other => panic!("{text}: {other}"),
        }
    }

    pub fn count(&self, text: &str) -> u64 {
        self.sql(text)[0][0].as_u64().expect("a number")
    }

    fn request(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).expect("the server listens");
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n");
        head += &format!("Content-Length: {}\r\n", body.len());
        if !content_type.is_empty() {
            head += &format!("Content-Type: {content_type}\r\n");
        }
        if !self.owner.is_empty() {
            head += &format!("Authorization: Bearer {}\r\n", self.owner);
        }
        socket.write_all((head + "\r\n").as_bytes()).unwrap();
        socket.write_all(body).unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).expect("an answer");
        parse_answer(&answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

// Status and body of a whole HTTP answer on a connection that was closed after it.
fn parse_answer(answer: &[u8]) -> (u16, Vec<u8>) {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("the end of the headers");
    let head = std::str::from_utf8(&answer[..end]).expect("headers are text").to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let mut rest = &answer[end + 4..];
    if !head.contains("transfer-encoding: chunked") {
        return (status, rest.to_vec());
    }
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").expect("a chunk's size");
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).expect("a hex number");
        if size == 0 {
            return (status, body);
        }
        body.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 2 + size + 2..];
    }
}
