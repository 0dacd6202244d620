//! The image AIR: the initial memory that the program file pins, with its final values, and the ranges that are no zero memory.

use std::ops::Range;

use quintet_air::{Air, AirSpec, Builder, Column, Free, Message, Trace, height};

use super::{regions::MAX_REGIONS, tag};
use crate::{AirId, WordEvent};

/// Column handles of the image AIR.
#[derive(Debug)]
pub struct Image {
    /// 1 on rows that hold a word.
    present: Column<Free>,
    /// 1 on rows that hold a region.
    region: Column<Free>,
    /// Word address, or the first of the region.
    addr: Column<Free>,
    /// Initial value, or the word address after the region.
    initial: Column<Free>,
    last: Column<Free>,
    last_ts: Column<Free>,
}

impl Air for Image {
    const ID: u16 = AirId::Image as u16;
    const NAME: &'static str = "image";

    fn build(builder: &mut Builder) -> Self {
        let mut pinned = |name, bits| {
            let column = builder.uint(name, bits);
            builder.pin(column)
        };
        let (present, region) = (pinned("present", 1), pinned("region", 1));
        let (addr, initial) = (pinned("addr", 27), pinned("initial", 64));
        let air = Self { present, region, addr, initial, last: builder.uint("last", 64), last_ts: builder.uint("last_ts", 40) };

        let present = builder.prove_boolean("present is boolean", present);
        let region = builder.prove_boolean("region is boolean", region);
        builder.send("initial value", &present, Message::new(tag::MEM).value(addr).value(0).value(initial));
        builder.receive("final value", &present, Message::new(tag::MEM).value(addr).value(air.last_ts).value(air.last));
        builder.send("region", &region, Message::new(tag::REGION).value(addr).value(initial));
        air
    }
}

impl Image {
    /// Words that fit one instance; the rows after them are for the regions.
    pub fn capacity(k: u32) -> usize {
        height(k) - MAX_REGIONS
    }

    /// Fills the table with the instance's words and, in instance 0, the program's occupied ranges.
    pub fn trace(&self, spec: &AirSpec, words: &[WordEvent], regions: &[Range<u64>]) -> Trace {
        let mut trace = Trace::new(spec);
        let first_region = Self::capacity(spec.k);
        trace.fill(spec.height(), |row, cells| {
            if let Some(word) = words.get(row) {
                cells.set(self.present, 1);
                cells.set(self.addr, word.addr);
                cells.set(self.initial, word.initial);
                cells.set(self.last, word.last);
                cells.set(self.last_ts, word.last_ts);
            }
            if let Some(region) = row.checked_sub(first_region).and_then(|place| regions.get(place)) {
                cells.set(self.region, 1);
                cells.set(self.addr, region.start);
                cells.set(self.initial, region.end);
            }
        });
        trace
    }
}
