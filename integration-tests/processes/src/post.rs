//! Signing whatever one likes, and sending it.

use quintet_api::{ClientError, GatewayClient};
use quintet_keys::StakeKey;
use quintet_types::{JobId, Phase, PublicKeyBytes, Signed, Spec, Submission, SubmissionBody};
use serde_json::json;

/// Signs a body without a record of what was signed before.
///
/// # Errors
/// If the body has no place in the phase.
pub(crate) fn sign<B: SubmissionBody>(
    key: &StakeKey,
    spec: &Spec,
    (job, phase): (JobId, Phase),
    body: B,
) -> anyhow::Result<Signed<B>> {
    let prover: PublicKeyBytes = (*key.public_key()).into();
    let mut signed = Signed { job, phase, prover, body, signature: Default::default() };
    signed.signature = key.secret().sign(&signed.signing_root(spec)?.0).into();
    Ok(signed)
}

/// Sends a submission, and writes down what the gateway says.
pub(crate) async fn submit(client: &GatewayClient, what: &str, submission: &Submission) {
    let answer = client.submit(submission).await;
    let (code, message) = match &answer {
        Ok(_) => (200, String::new()),
        Err(ClientError::Refused { code, message, .. }) => (*code, message.clone()),
        Err(error) => (0, error.to_string()),
    };
    say(submission.phase(), what, code, &message);
}

/// Sends bytes to a path below the gateway, and writes down what it says.
///
/// # Errors
/// If there is no answer.
pub(crate) async fn send_bytes(
    client: &GatewayClient,
    (phase, what): (Phase, &str),
    path: &str,
    bytes: Vec<u8>,
) -> anyhow::Result<()> {
    let url = client.base().join(path)?;
    let request = reqwest::Client::new().post(url).header("content-type", quintet_api::SSZ).body(bytes);
    let answer = request.send().await?;
    let code = answer.status().as_u16();
    say(phase, what, code, &answer.text().await?);
    Ok(())
}

fn say(phase: Phase, what: &str, code: u16, message: &str) {
    println!("{}", json!({"phase": phase.to_string(), "what": what, "code": code, "message": message}));
}
