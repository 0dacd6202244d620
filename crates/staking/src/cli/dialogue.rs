//! Shows what will be sent and its cost, asks, sends, and waits with a line that tells how far it is.

use std::io::{IsTerminal as _, Write as _};

use alloy_primitives::utils::format_ether;
use serde_json::{Value, json};

use super::SendFlags;
use crate::tx::{Preview, Progress, Receipt, Request, Sender, TxError};

/// Why nothing was carried out.
#[derive(Debug, thiserror::Error)]
pub enum DialogueError {
    /// The sender's.
    #[error(transparent)]
    Tx(#[from] TxError),
    /// There is nobody to ask.
    #[error("nobody can be asked here; --yes sends without asking, --dry-run sends nothing")]
    NobodyToAsk,
    /// The answer was not yes.
    #[error("not sent")]
    Declined,
    /// The terminal is gone.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// A dry run: nothing.
    Shown,
    /// It is in the chain.
    Sent(Box<Receipt>),
}

impl Done {
    /// The receipt, if something was sent.
    #[must_use]
    pub fn receipt(&self) -> Option<&Receipt> {
        match self {
            Self::Shown => None,
            Self::Sent(receipt) => Some(receipt),
        }
    }
}

/// Carries a request out as the flags say. What people read goes to standard error; standard output gets the outcome, as text or JSON.
///
/// # Errors
/// [`DialogueError`].
pub async fn carry_out(sender: &Sender, request: &Request, flags: &SendFlags) -> Result<Done, DialogueError> {
    // A request that is under way may not be repeatable, so that its preview fails; the sender finds out.
    let preview = match sender.preview(request).await {
        Ok(preview) => Some(preview),
        Err(TxError::WouldRevert(reason)) if !flags.dry_run && sender.is_under_way(request)? => {
            eprintln!("it is under way, or done, from an earlier call (now: {reason})");
            None
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(preview) = &preview {
        show(request, preview);
    }
    if flags.dry_run {
        print_outcome(request, preview.as_ref(), None, flags.json);
        return Ok(Done::Shown);
    }
    if !flags.yes {
        ask()?;
    }
    let mut line = Line { terminal: std::io::stderr().is_terminal(), last: String::new() };
    let outcome = sender.send(request, &mut |progress| line.show(&progress)).await;
    line.end();
    let receipt = outcome?;
    print_outcome(request, preview.as_ref(), Some(&receipt), flags.json);
    Ok(Done::Sent(Box::new(receipt)))
}

fn show(request: &Request, preview: &Preview) {
    let Request { to, value, data, what } = request;
    eprintln!("{what}");
    eprintln!("  to {to}, value {} ETH, {} bytes of data ({})", format_ether(*value), data.len(), selector(data));
    eprintln!("  {preview}");
}

fn selector(data: &[u8]) -> String {
    data.get(..4).map_or_else(|| "none".to_owned(), |selector| format!("0x{}", hex::encode(selector)))
}

fn ask() -> Result<(), DialogueError> {
    if !std::io::stdin().is_terminal() {
        return Err(DialogueError::NobodyToAsk);
    }
    eprint!("Send it? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") { Ok(()) } else { Err(DialogueError::Declined) }
}

/// One line that is written over on a terminal; elsewhere each new thing has a line of its own, and waiting has none.
struct Line {
    terminal: bool,
    last: String,
}

impl Line {
    fn show(&mut self, progress: &Progress) {
        let passing = matches!(progress, Progress::Waiting { .. } | Progress::Included { .. } | Progress::NoAnswer { .. });
        let text = progress.to_string();
        if !self.terminal {
            if !matches!(progress, Progress::Waiting { .. }) && text != self.last {
                eprintln!("{text}");
            }
        } else if passing {
            eprint!("\r\x1b[2K{text}");
        } else {
            eprintln!("\r\x1b[2K{text}");
        }
        self.last = text;
    }

    fn end(&self) {
        if self.terminal {
            eprint!("\r\x1b[2K");
        }
    }
}

fn print_outcome(request: &Request, preview: Option<&Preview>, receipt: Option<&Receipt>, as_json: bool) {
    if as_json {
        quintet_node::outln!("{}", outcome(request, preview, receipt));
    } else if let Some(receipt) = receipt {
        quintet_node::outln!("included in block {} as {}, fee {} ETH", receipt.block, receipt.hash, format_ether(receipt.fee));
    } else {
        quintet_node::outln!("dry run: nothing was sent");
    }
}

fn outcome(request: &Request, preview: Option<&Preview>, receipt: Option<&Receipt>) -> Value {
    let mut value = json!({
        "what": request.what,
        "to": request.to,
        "value_wei": request.value.to_string(),
        "data": request.data,
        "sent": receipt.is_some(),
    });
    if let Some(preview) = preview {
        value["from"] = json!(preview.from);
        value["gas_limit"] = json!(preview.gas.to_string());
        value["max_fee_per_gas"] = json!(preview.fees.max.to_string());
        value["highest_fee_wei"] = json!(preview.highest_fee().to_string());
    }
    if let Some(receipt) = receipt {
        value["transaction"] = json!(receipt.hash);
        value["block"] = json!(receipt.block.to_string());
        value["gas_used"] = json!(receipt.gas_used.to_string());
        value["fee_wei"] = json!(receipt.fee.to_string());
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, B256, U256};

    #[test]
    fn json_has_all_that_a_script_needs_and_numbers_as_text() {
        let request = Request { to: Address::ZERO, value: U256::from(7), data: vec![1, 2, 3, 4].into(), what: "it".into() };
        let value = outcome(&request, None, None);
        assert_eq!((value["value_wei"].as_str(), value["sent"].as_bool()), (Some("7"), Some(false)));
        let receipt =
            Receipt { hash: B256::ZERO, block: 9, block_hash: B256::ZERO, gas_used: 1, fee: U256::from(3), logs: vec![] };
        let value = outcome(&request, None, Some(&receipt));
        assert_eq!((value["block"].as_str(), value["fee_wei"].as_str()), (Some("9"), Some("3")));
    }

    #[test]
    fn without_a_terminal_nobody_is_asked() {
        if !std::io::stdin().is_terminal() {
            assert!(matches!(ask(), Err(DialogueError::NobodyToAsk)));
        }
    }
}
