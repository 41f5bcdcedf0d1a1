//! Choosing the best response, and merging challenges (RFC 3261 §16.7 steps 6 and 7).

use sip_core::{HeaderName, Response, StatusClass, StatusCode, Text};

/// What the branches that failed have said so far.
#[derive(Debug, Default)]
pub(crate) struct BestResponse {
    best: Option<(usize, Candidate)>,
    challenges: Vec<(HeaderName, Text)>,
}

/// A final response other than 2xx.
#[derive(Debug)]
pub(crate) enum Candidate {
    /// From downstream, our Via taken off.
    Received(Box<Response>),
    /// What happened here counts as this response.
    Own(StatusCode),
    /// There was no room here for one request more.
    Overloaded,
}

impl Candidate {
    fn status(&self) -> StatusCode {
        match self {
            Candidate::Received(response) => response.status(),
            Candidate::Own(status) => *status,
            Candidate::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Lower is better. What somebody said goes before what was concluded from silence.
    fn rank(&self) -> (u8, bool, bool) {
        let status = self.status();
        let class = match status.class() {
            // Of our own codes for what could not be reached; what anybody said is better.
            _ if matches!(status.as_u16(), 477..=479) && matches!(self, Candidate::Own(_)) => 5,
            StatusClass::GlobalFailure => 0,
            StatusClass::Redirection => 3,
            StatusClass::ClientError => 4,
            _ => 5,
        };
        (
            class,
            !helps_resubmission(status),
            !matches!(self, Candidate::Received(_)),
        )
    }
}

/// 401, 407, 415, 420 and 484 tell the client what to do differently.
fn helps_resubmission(status: StatusCode) -> bool {
    matches!(status.as_u16(), 401 | 407 | 415 | 420 | 484)
}

fn is_challenge(status: StatusCode) -> bool {
    matches!(status.as_u16(), 401 | 407)
}

const CHALLENGES: [HeaderName; 2] = [HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate];

impl BestResponse {
    /// Adds the final response of `branch` (step 4).
    pub(crate) fn add(&mut self, branch: usize, candidate: Candidate) {
        if let Candidate::Received(response) = &candidate
            && is_challenge(response.status())
        {
            for name in CHALLENGES {
                for value in response.headers().raw(&name) {
                    self.challenges.push((name.clone(), value.detached()));
                }
            }
        }
        let better = self
            .best
            .as_ref()
            .is_none_or(|(_, best)| candidate.rank() < best.rank());
        if better {
            let kept = match candidate {
                // It may be kept for minutes: not together with the whole buffer it came in.
                Candidate::Received(response) => Candidate::Received(Box::new(response.detached())),
                own => own,
            };
            self.best = Some((branch, kept));
        }
    }

    /// The best of them (step 6), with the challenges of all (step 7), and its branch; 408 if nobody said anything.
    pub(crate) fn take(&mut self) -> (Option<usize>, Candidate) {
        let challenges = std::mem::take(&mut self.challenges);
        match self.best.take() {
            None => (None, Candidate::Own(StatusCode::REQUEST_TIMEOUT)),
            Some((branch, Candidate::Overloaded)) => (Some(branch), Candidate::Overloaded),
            // Another 503 would say that this proxy can serve nobody at all.
            Some((branch, best)) if best.status() == StatusCode::SERVICE_UNAVAILABLE => (
                Some(branch),
                Candidate::Own(StatusCode::SERVER_INTERNAL_ERROR),
            ),
            Some((branch, Candidate::Received(response))) if is_challenge(response.status()) => (
                Some(branch),
                Candidate::Received(Box::new(merged(*response, &challenges))),
            ),
            Some((branch, best)) => (Some(branch), best),
        }
    }
}

/// Puts all challenges into one response, each as it came.
fn merged(mut response: Response, challenges: &[(HeaderName, Text)]) -> Response {
    let headers = response.headers_mut();
    for name in CHALLENGES {
        headers.remove(&name);
    }
    for (name, value) in challenges {
        headers.push_raw(name.clone(), value);
    }
    response
}
