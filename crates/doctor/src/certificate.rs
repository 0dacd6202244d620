//! From when until when the certificates of a listener hold.

use std::path::Path;

use x509_parser::pem::Pem;

use crate::Finding;

const DAY: i64 = 24 * 3600;
/// A certificate that holds for less is to be renewed. Whoever issues them for 90 days renews a month before; two weeks before the end somebody has to look.
const SOON: i64 = 14 * DAY;
/// How a renewed one is taken over.
const RENEW: &str = "renew it, then send the sidecar SIGHUP (`systemctl reload`), which reads certificate and key again";

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Validity {
    subject: String,
    /// Unix seconds.
    from: i64,
    /// Unix seconds.
    until: i64,
    /// The end, for people.
    end: String,
}

/// Whether all certificates of a PEM file hold at `now_ms` and for some time after it. Nothing if the file holds none: that is another check's to say.
#[must_use]
pub fn file(path: &Path, now_ms: u64) -> Option<Finding> {
    let chain = read(&std::fs::read(path).ok()?);
    // The first to end is the one that counts, whoever's it is.
    let first = chain.iter().min_by_key(|one| one.until)?;
    let late = chain.iter().max_by_key(|one| one.from)?;
    Some(judge(first, late, i64::try_from(now_ms / 1000).unwrap_or(i64::MAX)))
}

fn read(pem: &[u8]) -> Vec<Validity> {
    let sections = Pem::iter_from_buffer(pem).filter_map(Result::ok);
    let validity = |section: Pem| {
        let certificate = section.parse_x509().ok()?;
        let validity = certificate.validity();
        Some(Validity {
            subject: certificate.subject().to_string(),
            from: validity.not_before.timestamp(),
            until: validity.not_after.timestamp(),
            end: validity.not_after.to_string(),
        })
    };
    sections.filter(|section| section.label == "CERTIFICATE").filter_map(validity).collect()
}

fn judge(first: &Validity, late: &Validity, now: i64) -> Finding {
    let Validity { subject, until, end, .. } = first;
    if now < late.from {
        let found = format!("{} holds from a later time on ({} s from now)", late.subject, late.from - now);
        return Finding::bad("certificate", found, "wait, or look at this machine's clock");
    }
    if now >= *until {
        return Finding::bad("certificate", format!("{subject} ended on {end}: provers refuse to connect"), RENEW);
    }
    let found = format!("{subject} holds until {end}, {} more days", (until - now) / DAY);
    if until - now < SOON { Finding::warning("certificate", found, RENEW) } else { Finding::good("certificate", found) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Standing;

    fn certificate(name: &str, from: (i32, u8, u8), until: (i32, u8, u8)) -> String {
        let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
    }

    #[test]
    fn the_first_of_a_chain_to_end_is_judged() {
        // 1 March 2030 and 60 days around it.
        let now = 1_898_553_600;
        let folder = tempfile::tempdir().unwrap();
        let found = |chain: &[&String], days: i64| {
            let path = folder.path().join("chain.pem");
            std::fs::write(&path, chain.iter().map(|pem| pem.as_str()).collect::<String>()).unwrap();
            file(&path, u64::try_from(now + days * DAY).unwrap() * 1000).unwrap()
        };
        let leaf = certificate("leaf.example", (2030, 1, 1), (2030, 4, 1));
        let issuer = certificate("issuer.example", (2020, 1, 1), (2040, 1, 1));
        let chain = [&leaf, &issuer];
        let good = found(&chain, 0);
        assert!(
            good.standing == Standing::Good && good.found.contains("leaf.example") && good.found.contains("31 more days"),
            "{good}"
        );
        let soon = found(&chain, 20);
        assert!(soon.standing == Standing::Warning && soon.mend.unwrap().contains("SIGHUP"), "{}", soon.found);
        let over = found(&chain, 31);
        assert!(over.standing == Standing::Bad && over.found.contains("ended on Apr  1"), "{}", over.found);
        assert_eq!(found(&chain, -70).standing, Standing::Bad, "not valid yet");
        assert_eq!(found(&[&issuer], 31).standing, Standing::Good);
        let old = certificate("old.example", (2020, 1, 1), (2025, 1, 1));
        assert_eq!(found(&[&leaf, &old], 0).standing, Standing::Bad, "an issuer that has ended");
    }

    #[test]
    fn a_file_without_certificates_is_left_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        assert_eq!(file(&path, 0), None);
        std::fs::write(&path, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
        assert_eq!(file(&path, 0), None);
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert_eq!(file(&path, 0), None);
    }
}
