//! Certificates, as an operator handles them, and TLS as `openssl s_client` sees it.

use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::process::{Process, eventually};
use crate::{PATIENCE, Place};

impl Place {
    /// A certificate that is its own authority, for `localhost`: its key is another one each time.
    fn sign(&self) {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        self.file("chain.pem", &signed.cert.pem());
        self.file("key.pem", &signed.signing_key.serialize_pem());
    }

    fn config(&self) -> String {
        let text = format!(
            "[network]\nlisten = [\"127.0.0.1:0\"]\n[tls]\nlisten = [\"127.0.0.1:0\"]\n\
             certificates = [{{ chain = \"{}\", key = \"{}\" }}]\n",
            self.path("chain.pem"),
            self.path("key.pem")
        );
        self.file("itsp.toml", &text)
    }

    /// Asks over TLS, believing the certificate that is in the file now: what came back.
    fn ask(&self, address: &str) -> String {
        let mut client = Command::new("openssl")
            .args(["s_client", "-connect", address, "-servername", "localhost"])
            .args(["-CAfile", &self.path("chain.pem"), "-verify_return_error"])
            .args(["-verify_hostname", "localhost", "-alpn", "sip", "-ign_eof"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let request = format!(
            "OPTIONS sip:{address};transport=tls SIP/2.0\r\n\
             Via: SIP/2.0/TLS 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 0\r\n\
             From: <sip:alice@localhost>;tag=1\r\nTo: <sip:{address}>\r\nCall-ID: 1\r\n\
             CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\nEND\r\n\r\n"
        );
        // What follows the request is no SIP, so that the server ends the connection.
        let mut stdin = client.stdin.take().unwrap();
        // The client may have gone because of the certificate.
        let _ = stdin.write_all(request.as_bytes());
        let output = client.wait_with_output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[test]
fn openssl_talks_to_the_server_before_and_after_new_certificates() {
    let place = Place::new();
    place.sign();
    let config = place.config();
    let out = place.path("out");
    let mut server = Process::start(
        place
            .command(&["--config", &config, "--no-demo"])
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(place.path("err")).unwrap()),
    );
    let address = eventually(PATIENCE, || {
        let said = fs::read_to_string(&out).unwrap();
        let line = said
            .lines()
            .find(|line| line.starts_with("listening on tls "));
        line.and_then(|line| line.rsplit(' ').next())
            .map(str::to_owned)
    });
    let address = address.expect("the server listens for TLS");
    let said = place.ask(&address);
    assert!(said.contains("ALPN protocol: sip"), "{said}");
    assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
    assert!(said.contains("SIP/2.0 "), "{said}");

    place.sign();
    let refused = place.ask(&address);
    assert!(!refused.contains("SIP/2.0 "), "{refused}");
    server.hang_up();
    let told = eventually(PATIENCE, || {
        let err = fs::read_to_string(place.path("err")).unwrap();
        err.contains("certificates were read again").then_some(())
    });
    assert_eq!(told, Some(()));
    let said = place.ask(&address);
    assert!(said.contains("SIP/2.0 "), "{said}");
    server.terminate();
    assert!(server.wait(PATIENCE).is_some());
}

#[test]
fn check_reads_the_certificates() {
    let place = Place::new();
    place.sign();
    let config = place.config();
    let check = || place.run(&["--config", &config, "check"]);
    assert_eq!(check().0, 0);
    let key = place.file("key.pem", "nothing");
    let (code, _, err) = check();
    assert_eq!(code, 2);
    assert!(
        err.contains(&format!("{key} holds no private key")),
        "{err}"
    );
    assert!(err.contains("\n  remedy: "), "{err}");
    fs::remove_file(&key).unwrap();
    let (code, _, err) = check();
    assert_eq!(code, 2);
    assert!(err.contains(&format!("cannot read {key}")), "{err}");
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    place.file("key.pem", &other);
    let (code, _, err) = check();
    assert_eq!(code, 2);
    assert!(err.contains("does not serve the certificate in"), "{err}");
}
