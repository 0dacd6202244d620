//! Who votes, and with what weight.
//!
//! Up to [`COMMITTEE_SEATS`] enrolled validators all vote, weighted by effective balance. Of more, seats are drawn by RANDAO:
//! each seat goes to a validator with a probability in proportion to its balance, independently of the others, and a
//! voter's weight is the number of its seats. So the seats of an adversary with share p of the balance are binomially
//! distributed, and the probability that they reach a third is a number that can be computed (see the test below).

use std::sync::Arc;

use quintet_keys::PublicKey;
use quintet_types::domain::DOMAIN_COMMITTEE;
use quintet_types::{Root, SigningVariant, ValidatorIndex};
use sha2::{Digest as _, Sha256};

use crate::AgreementError;

/// Seats of a drawn committee, and the number of enrolled validators up to which all vote.
pub const COMMITTEE_SEATS: usize = 512;

/// Most voters that a certificate has room for.
const MAX_VOTERS: usize = 2048;

/// An enrolled validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its index in the beacon state.
    pub index: ValidatorIndex,
    /// Its key. Possession must have been proved, or aggregates of it prove nothing.
    pub key: PublicKey,
    /// Its weight: effective balance (gwei) at enrolment, seats in a drawn committee. A member without weight may lead, not vote.
    pub weight: u64,
    /// Which signing root its key signs.
    pub variant: SigningVariant,
}

/// All validators that take part, of whom each job has its [`Committee`]. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// Rising by index; weight is the effective balance.
    members: Arc<[Member]>,
    /// The same for all jobs where all vote.
    everyone: Option<Committee>,
}

impl Enrolled {
    /// These take part.
    ///
    /// # Errors
    /// If one is there twice, or weights are zero or too large.
    pub fn new(mut members: Vec<Member>) -> Result<Self, AgreementError> {
        sort(&mut members)?;
        total(&members)?;
        let everyone = (members.len() <= COMMITTEE_SEATS).then(|| Committee::new(members.clone())).transpose()?;
        Ok(Self { members: members.into(), everyone })
    }

    /// All of them, rising by index.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The one with this index.
    pub fn member(&self, index: ValidatorIndex) -> Option<&Member> {
        find(&self.members, index)
    }

    /// The committee of a job whose seed (RANDAO, mixed with the job) is `seed`: everyone, or [`COMMITTEE_SEATS`] drawn seats where there are more.
    ///
    /// Those without a seat stay members without weight: they lead, and do not vote.
    pub fn committee(&self, seed: &Root) -> Committee {
        if let Some(everyone) = &self.everyone {
            return everyone.clone();
        }
        let mut members = self.members.to_vec();
        let bounds: Vec<u128> = members
            .iter()
            .scan(0, |sum, member| {
                *sum += u128::from(member.weight);
                Some(*sum)
            })
            .collect();
        // There is weight: `new` has looked.
        let total = bounds.last().copied().unwrap_or(1);
        for member in &mut members {
            member.weight = 0;
        }
        for seat in 0..COMMITTEE_SEATS as u64 {
            let place = place_of_seat(seed, seat) % total;
            members[bounds.partition_point(|&bound| bound <= place)].weight += 1;
        }
        Committee { members: members.into(), total: COMMITTEE_SEATS as u64 }
    }
}

/// The voters of one job. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committee {
    members: Arc<[Member]>,
    total: u64,
}

impl Committee {
    /// All of `members` vote.
    ///
    /// # Errors
    /// If one is there twice, or weights are zero or too large, or there are more voters than a certificate can name.
    pub fn new(mut members: Vec<Member>) -> Result<Self, AgreementError> {
        sort(&mut members)?;
        let voters = members.iter().filter(|member| member.weight > 0).count();
        if voters > MAX_VOTERS {
            return Err(AgreementError::TooManyVoters { found: voters, limit: MAX_VOTERS });
        }
        let total = total(&members)?;
        Ok(Self { members: members.into(), total })
    }

    /// All members, rising by index, also those without weight.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member with this index.
    pub fn member(&self, index: ValidatorIndex) -> Option<&Member> {
        find(&self.members, index)
    }

    /// The member with this index, if it votes.
    ///
    /// # Errors
    /// [`AgreementError::NoVoter`].
    pub fn voter(&self, index: ValidatorIndex) -> Result<&Member, AgreementError> {
        self.member(index).filter(|member| member.weight > 0).ok_or(AgreementError::NoVoter(index))
    }

    /// Weight of all.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Weight of these voters, who must be distinct.
    ///
    /// # Errors
    /// [`AgreementError::NoVoter`].
    pub fn weight(&self, voters: impl IntoIterator<Item = ValidatorIndex>) -> Result<u64, AgreementError> {
        voters.into_iter().try_fold(0, |sum, index| Ok(sum + self.voter(index)?.weight))
    }

    /// Checks that `weight` is more than two thirds of the whole.
    ///
    /// # Errors
    /// [`AgreementError::NoQuorum`].
    pub fn check_quorum(&self, weight: u64) -> Result<(), AgreementError> {
        // Weights are at most a third of the type's range.
        if weight * 3 > self.total * 2 {
            return Ok(());
        }
        Err(AgreementError::NoQuorum { found: weight, total: self.total })
    }
}

fn sort(members: &mut [Member]) -> Result<(), AgreementError> {
    members.sort_unstable_by_key(|member| member.index);
    let twice = members.windows(2).find(|pair| pair[0].index == pair[1].index);
    twice.map_or(Ok(()), |pair| Err(AgreementError::TwiceInCommittee(pair[0].index)))
}

fn total(members: &[Member]) -> Result<u64, AgreementError> {
    match members.iter().try_fold(0u64, |sum, member| sum.checked_add(member.weight)) {
        Some(0) => Err(AgreementError::NoWeight),
        Some(total) if total <= u64::MAX / 3 => Ok(total),
        _ => Err(AgreementError::TooMuchWeight),
    }
}

fn find(members: &[Member], index: ValidatorIndex) -> Option<&Member> {
    members.binary_search_by_key(&index, |member| member.index).ok().map(|place| &members[place])
}

/// 128 bits for one seat: their remainder by a total below 2^63 is uniform up to 2^-65.
fn place_of_seat(seed: &Root, seat: u64) -> u128 {
    let hash = Sha256::new().chain_update(DOMAIN_COMMITTEE).chain_update(seed).chain_update(seat.to_le_bytes()).finalize();
    let head = hash.first_chunk::<16>().expect("a hash has 32 bytes");
    u128::from_le_bytes(*head)
}

#[cfg(test)]
mod tests {
    use quintet_keys::SecretKey;

    use super::*;

    fn members(weights: impl IntoIterator<Item = u64>) -> Vec<Member> {
        let key = SecretKey::from_bytes(&{
            let mut bytes = [0; 32];
            bytes[31] = 5;
            bytes
        })
        .unwrap()
        .public_key();
        weights
            .into_iter()
            .zip(0..)
            .map(|(weight, index)| Member { index: ValidatorIndex(index), key, weight, variant: SigningVariant::Direct })
            .collect()
    }

    #[test]
    fn up_to_512_all_vote_with_their_balance() {
        let committee = Enrolled::new(members((0..512).map(|i| 32 + i))).unwrap().committee(&Root::repeat_byte(1));
        assert_eq!(committee.total(), (0..512).map(|i| 32 + i).sum::<u64>());
        assert_eq!(committee.voter(ValidatorIndex(7)).unwrap().weight, 39);
    }

    #[test]
    fn of_more_seats_are_drawn_in_proportion_to_balance() {
        let rich = |index: u64| index.is_multiple_of(2);
        let all = members((0..2000).map(|i| if rich(i) { 2048 } else { 32 }));
        let enrolled = Enrolled::new(all.clone()).unwrap();
        let mut seats = 0;
        for seed in 0..20u8 {
            let committee = enrolled.committee(&Root::repeat_byte(seed));
            assert_eq!((committee.total(), committee.members().len()), (512, 2000));
            seats += committee.members().iter().filter(|m| !rich(m.index.0)).map(|m| m.weight).sum::<u64>();
        }
        // 20 · 512 · 32 / 2080 = 157.5, standard deviation 12.5.
        assert!((95..220).contains(&seats), "{seats}");
        let other = enrolled.committee(&Root::repeat_byte(30));
        assert_ne!(other, enrolled.committee(&Root::repeat_byte(31)));
        let reversed = all.into_iter().rev().collect();
        assert_eq!(other, Enrolled::new(reversed).unwrap().committee(&Root::repeat_byte(30)));
        let drawn = Committee::new(other.members().to_vec()).unwrap();
        assert_eq!(drawn, other, "a drawn committee is one");
    }

    #[test]
    fn two_thirds_are_no_quorum_and_one_more_is() {
        let committee = Committee::new(members([1, 1, 1])).unwrap();
        assert!(committee.check_quorum(2).is_err());
        assert!(committee.check_quorum(3).is_ok());
        assert!(Committee::new(members([1; 4])).unwrap().check_quorum(3).is_ok());
        assert_eq!(Committee::new(members([0, 0])), Err(AgreementError::NoWeight));
        assert_eq!(Committee::new(members([u64::MAX / 2, 1])), Err(AgreementError::TooMuchWeight));
    }

    /// Binomial tail: P[at least `from` of `n` seats are the adversary's], who holds share `p` of the balance.
    fn tail(n: u64, from: u64, p: f64) -> f64 {
        let mut term = (1.0 - p).powi(n as i32);
        let mut sum = 0.0;
        for k in 0..=n {
            if k >= from {
                sum += term;
            }
            term *= (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
        }
        sum
    }

    #[test]
    fn a_fifth_of_the_balance_hardly_ever_gets_a_third_of_the_seats() {
        // Safety and liveness hold while the adversary has less than a third: at most 170 of 512 seats.
        let p = tail(512, 171, 0.20);
        println!("20 % of balance, a third of 512 seats: {p:.3e}; of 1024: {:.3e}", tail(1024, 342, 0.20));
        println!("two thirds (alone certifies anything): {:.3e}", tail(512, 342, 0.20));
        println!("25 %: {:.3e}", tail(512, 171, 0.25));
        assert!(p < 1e-11, "{p:e}");
    }
}
