//! Seats: so many in all, so many for one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::rate_key;

/// Seats that can be taken, e.g. connections.
#[derive(Clone, Debug)]
pub struct Seats {
    total: usize,
    per_address: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A seat; free again when dropped.
#[derive(Debug)]
pub struct Counted {
    seats: Seats,
    address: IpAddr,
}

impl Seats {
    /// So many in all, and for one address.
    pub fn new(total: usize, per_address: usize) -> Self {
        Self { total, per_address, taken: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Nothing under the lock panics.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat for an address, if there is one left for it. `unlimited` ones have no limit of their own.
    ///
    /// # Errors
    /// Which limit is reached.
    pub fn take(&self, address: IpAddr, unlimited: bool) -> Result<Counted, String> {
        let address = rate_key(address);
        let mut taken = self.lock();
        if taken.total >= self.total {
            return Err(format!("all {} are taken", self.total));
        }
        let of_address = taken.by_address.get(&address).copied().unwrap_or_default();
        if of_address >= self.per_address && !unlimited {
            return Err(format!("{address} has {of_address}, no more are allowed"));
        }
        taken.by_address.insert(address, of_address + 1);
        taken.total += 1;
        Ok(Counted { seats: self.clone(), address })
    }

    /// Seats taken now.
    pub fn len(&self) -> usize {
        self.lock().total
    }

    /// Whether all are free.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.total -= 1;
        if let Some(of_address) = taken.by_address.get_mut(&self.address) {
            *of_address -= 1;
            if *of_address == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_limited_in_all_and_by_address_and_come_back() {
        let seats = Seats::new(3, 2);
        let (a, b): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let first = seats.take(a, false).unwrap();
        let _second = seats.take(a, false).unwrap();
        assert!(seats.take(a, false).unwrap_err().contains("192.0.2.1 has 2"));
        let _third = seats.take(b, false).unwrap();
        assert!(seats.take(b, false).unwrap_err().contains("all 3"));
        assert!(seats.take(a, true).is_err(), "there is no seat at all");
        drop(first);
        let _fourth = seats.take(b, false).unwrap();
        assert_eq!(seats.len(), 3);
        drop((_second, _third, _fourth));
        assert!(seats.is_empty() && seats.lock().by_address.is_empty());
    }
}
