//! Rows of the subword AIR from loads and stores.

use quintet_air::{AirSpec, RowMut, Trace};

use super::{BYTES, Subword};
use crate::{
    LoadStoreEvent,
    isa::{access_bytes, op},
};

impl Subword {
    /// Fills the table.
    pub fn trace(&self, spec: &AirSpec, events: &[LoadStoreEvent]) -> Trace {
        let mut trace = Trace::new(spec);
        trace.fill(events.len(), |row, cells| self.write(cells, &events[row]));
        trace.count_tables(spec);
        trace
    }

    fn write(&self, cells: &mut RowMut<'_, '_>, event: &LoadStoreEvent) {
        let offset = (event.addr % BYTES as u64) as usize;
        let width = access_bytes(event.op) as usize;
        let store = event.op >= op::SB;
        let unsigned = matches!(event.op, op::LBU | op::LHU | op::LWU);
        cells.set_bool(self.at[offset], true);
        cells.set_bool(self.wide[width.trailing_zeros() as usize], true);
        cells.set_bool(self.store, store);
        cells.set_bool(self.unsigned, unsigned);
        cells.set(self.clock, event.clock);
        self.addr.write(cells, event.first.addr);

        let second = event.second.unwrap_or_default();
        let mut window = [0; 2 * BYTES];
        window[..BYTES].copy_from_slice(&event.first.old.to_le_bytes());
        window[BYTES..].copy_from_slice(&second.old.to_le_bytes());
        window.rotate_left(offset);
        let (x, rest) = window.split_at(BYTES);
        for i in 0..BYTES {
            cells.set(self.x[i], x[i].into());
            // After the rotation the bytes behind x are the second word's upper bytes, then the first one's lower bytes.
            cells.set(self.r[(offset + i) % BYTES], rest[i].into());
            cells.set(self.v[i], event.value.to_le_bytes()[i].into());
        }
        if !store && !unsigned && width < BYTES {
            let top = x[width - 1];
            cells.set_bool(self.sign, top >= 128);
            cells.set(self.top, u64::from(top % 128) * 2);
        }
        cells.set(self.first_old, event.first.old);
        cells.set(self.first_new, event.first.new);
        cells.set(self.second_old, second.old);
        cells.set(self.second_new, second.new);
        self.first.write(cells, &event.first);
        if let Some(second) = event.second {
            self.second.write(cells, &second);
        }
    }
}
