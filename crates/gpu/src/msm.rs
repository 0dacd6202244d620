//! Multi-scalar multiplication: Pippenger's method with signed digits, over lists of equal shares.
//!
//! Every window of every column has a list of (bucket, base), sorted by bucket by counting. Threads add up equal shares of a list, whatever buckets these
//! belong to, so that columns of zeros and ones, whose entries all lie in one bucket, take no longer than others; shaders/msm_sums.wgsl says how shares are
//! joined. Only the sum of each window comes down, and the host puts windows together.

use ff::Field;
use group::Group;
use halo2_proofs::arithmetic::CurveAffine;
use pasta_curves::{Eq, EqAffine, Fq};

use crate::{Batch, Buffer, Device, Error, KernelSpec, Slice, columns::groups, field, rooms::Rooms};

/// Entries that one thread adds up. A list becomes `SEGMENT / 2` times shorter at each level.
const SEGMENT: usize = 32;
/// Buckets of a window that one thread sums.
const SHARE: usize = 16;
/// Bytes of a point in XYZZ coordinates.
const POINT_BYTES: u64 = 4 * field::BYTES;
/// Bits of the order of the group.
const SCALAR_BITS: u32 = 255;

/// Scalars of one sum: packed integers, as [`PackedColumn`](crate::PackedColumn) has them.
#[derive(Clone, Copy, Debug)]
pub struct DeviceScalars<'a> {
    /// The words.
    pub words: Slice<'a>,
    /// Bits of a scalar: 8, 16, 32, 64 or 256.
    pub bits: u32,
    /// How many: at most as many as there are bases.
    pub count: usize,
}

/// Points on the device.
#[derive(Debug)]
pub struct Bases {
    points: Buffer,
    count: usize,
}

/// How a sum is cut up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    /// Bits of a window.
    window: u32,
    windows: usize,
    buckets: usize,
}

impl Cut {
    /// The cheapest for so many scalars of so many bits: an entry costs a mixed addition, a bucket about three full ones.
    fn new(count: usize, bits: u32) -> Self {
        let bits = bits.min(SCALAR_BITS);
        let cut = |window: u32| {
            // One bit more than the scalars have: the last window must not carry.
            Self { window, windows: (bits as usize + 1).div_ceil(window as usize), buckets: 1 << (window - 1) }
        };
        let cost = |cut: &Self| cut.windows * (10 * count + 40 * cut.buckets);
        // Windows above 16 bits would have more buckets than any table has rows.
        (2..=16).map(cut).min_by_key(cost).unwrap_or(cut(8))
    }

    /// Sums of `count` scalars each that are made at a time.
    fn at_once(&self, count: usize, rooms: &Rooms) -> usize {
        let list = (8 * count).max(POINT_BYTES as usize * self.buckets) as u64;
        let partials = POINT_BYTES * 2 * count.div_ceil(SEGMENT) as u64;
        let seen = rooms.binding.min(1 << 28) / (list.max(partials) * self.windows as u64).max(1);
        seen.min(rooms.msm / self.bytes(count, 1)).clamp(1, 1024) as usize
    }

    /// Bytes that so many sums of `count` scalars take at a time, what comes down included.
    fn bytes(&self, count: usize, sums: usize) -> u64 {
        let lists = (sums * self.windows) as u64;
        let (count, buckets) = (count.max(1), self.buckets as u64);
        let parts = self.buckets.div_ceil(SHARE);
        let sorted = lists * (4 * buckets + 8 * count as u64 + 4 + POINT_BYTES * buckets);
        let windows = lists * ((POINT_BYTES + 4) * parts as u64 + 2 * POINT_BYTES);
        // Every buffer is rounded up.
        sorted + windows + lists * (levels(count) + levels(parts)) + 16 * 32
    }
}

/// Bytes of the levels upon a list of so many entries.
fn levels(entries: usize) -> u64 {
    let next = 2 * entries.div_ceil(SEGMENT);
    (POINT_BYTES + 4) * next as u64 + if next == 2 { 0 } else { levels(next) }
}

/// Bytes that `sums` multi-scalar multiplications of `count` scalars of `bits` bits take.
pub(crate) fn bytes(count: usize, bits: u32, sums: usize, rooms: &Rooms) -> u64 {
    let cut = Cut::new(count, bits);
    if sums == 0 { 0 } else { cut.bytes(count, sums.min(cut.at_once(count, rooms))) }
}

impl Bases {
    /// Brings points to the device.
    ///
    /// # Errors
    /// If there is not enough memory, or more points than one kernel can see.
    pub fn new(device: &Device, points: &[EqAffine]) -> Result<Self, Error> {
        let bytes = 2 * field::BYTES * points.len() as u64;
        if bytes > device.options().max_binding {
            return Err(Error::Size(format!("{} points do not fit this device's bindings", points.len())));
        }
        let words = field::points(device.layout(), points);
        Ok(Self { points: device.upload("generators", &words)?, count: points.len() })
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Hands over what is recorded and gives `Σ scalar · base` for each of several lists of scalars.
    ///
    /// # Errors
    /// If the device fails, or gives something that is no point.
    pub fn msm_many(&self, batch: &mut Batch<'_>, scalars: &[DeviceScalars<'_>]) -> Result<Vec<Eq>, Error> {
        let rooms = Rooms::of(batch.device());
        let mut sums = Vec::with_capacity(scalars.len());
        let mut next = 0;
        while next < scalars.len() {
            // As many at once as one kernel can see, and as few windows as the second dimension of a dispatch takes.
            let cut = |scalars: &DeviceScalars<'_>| Cut::new(scalars.count, scalars.bits);
            let first = cut(&scalars[next]);
            let same = scalars[next..].iter().take_while(|other| cut(other) == first && other.count == scalars[next].count);
            let count = same.count().min(first.at_once(scalars[next].count, &rooms));
            sums.extend(self.equal(batch, &scalars[next..next + count], first)?);
            next += count;
        }
        Ok(sums)
    }

    /// Several sums of the same shape.
    fn equal(&self, batch: &mut Batch<'_>, scalars: &[DeviceScalars<'_>], cut: Cut) -> Result<Vec<Eq>, Error> {
        let device = batch.device();
        let capacity = scalars[0].count.max(1);
        assert!(capacity <= self.count, "not more scalars than bases");
        let lists = scalars.len() * cut.windows;
        let (digits, scan) = (device.kernel(&KernelSpec::fq("msm_digits"))?, device.kernel(&KernelSpec::fq("msm_scan"))?);
        let counts = device.buffer("bucket counts", 4 * (lists * cut.buckets) as u64)?;
        let entries = device.buffer("bucket entries", 8 * (lists * capacity) as u64)?;
        let lengths = device.buffer("list lengths", 4 * lists as u64)?;
        for sort in [0, 1] {
            for (place, scalars) in scalars.iter().enumerate() {
                let shape = [scalars.count, scalars.bits as usize, cut.window as usize, cut.windows, cut.buckets];
                let rest = [sort, capacity, 0, place * cut.windows];
                let parameters: Vec<u32> = shape.into_iter().chain(rest).map(|value| value as u32).collect();
                batch.run(&digits, &parameters, &[scalars.words, counts.all(), entries.all()], groups(scalars.count))?;
            }
            if sort == 0 {
                batch.run(&scan, &[cut.buckets as u32, 0], &[counts.all(), lengths.all()], [lists as u32, 1])?;
            }
        }
        let buckets = device.buffer("buckets", POINT_BYTES * (lists * cut.buckets) as u64)?;
        let mixed = device.kernel(&sums_kernel(true))?;
        let level = Level::new(device, capacity, lists)?;
        let slices = [entries.all(), self.points.all(), lengths.all(), level.places.all(), level.points.all(), buckets.all()];
        batch.run(&mixed, &level.parameters(capacity), &slices, level.groups())?;
        level.finish(batch, &buckets)?;

        let parts = cut.buckets.div_ceil(SHARE);
        let level = Level::with(device, parts, lists)?;
        let window = device.kernel(&KernelSpec::fq("msm_window").with("MIXED", 0))?;
        let slices = [buckets.all(), level.places.all(), level.points.all()];
        batch.run(&window, &[cut.buckets as u32, parts as u32, 0], &slices, [groups(parts)[0], lists as u32])?;
        let sums = device.buffer("window sums", POINT_BYTES * lists as u64)?;
        level.finish_of(batch, parts, &sums)?;
        let windows = read_points(batch, sums.all())?;
        Ok(windows.chunks(cut.windows).map(|windows| join(windows, cut.window)).collect())
    }
}

fn sums_kernel(mixed: bool) -> KernelSpec {
    KernelSpec::fq("msm_sums").with("MIXED", i64::from(mixed)).with("SEGMENT", SEGMENT as i64)
}

/// A level of sums: two entries per segment of the level below.
struct Level {
    lists: usize,
    segments: usize,
    places: Buffer,
    points: Buffer,
}

impl Level {
    /// For lists of `capacity` entries.
    fn new(device: &Device, capacity: usize, lists: usize) -> Result<Self, Error> {
        let segments = capacity.div_ceil(SEGMENT);
        Ok(Self { segments, ..Self::with(device, 2 * segments, lists)? })
    }

    /// With room for `entries` entries a list.
    fn with(device: &Device, entries: usize, lists: usize) -> Result<Self, Error> {
        let places = device.buffer("places of sums", 4 * (entries * lists) as u64)?;
        let points = device.buffer("sums", POINT_BYTES * (entries * lists) as u64)?;
        Ok(Self { lists, segments: 0, places, points })
    }

    fn parameters(&self, capacity: usize) -> [u32; 4] {
        [capacity as u32, 2 * self.segments as u32, 0, u32::from(self.segments == 1)]
    }

    fn groups(&self) -> [u32; 2] {
        [groups(self.segments)[0], self.lists as u32]
    }

    /// Levels upon this one until all sums are in their buckets.
    fn finish(self, batch: &mut Batch<'_>, buckets: &Buffer) -> Result<(), Error> {
        match self.segments {
            1 => Ok(()),
            segments => self.finish_of(batch, 2 * segments, buckets),
        }
    }

    /// As [`Self::finish`], of a level of `entries` entries a list.
    fn finish_of(self, batch: &mut Batch<'_>, entries: usize, buckets: &Buffer) -> Result<(), Error> {
        let device = batch.device();
        let kernel = device.kernel(&sums_kernel(false))?;
        let next = Self::new(device, entries, self.lists)?;
        let slices = [self.places.all(), self.points.all(), next.places.all(), next.points.all(), buckets.all()];
        batch.run(&kernel, &next.parameters(entries), &slices, next.groups())?;
        next.finish(batch, buckets)
    }
}

/// Reads points back. Each is checked to lie on the curve.
fn read_points(batch: &mut Batch<'_>, slice: Slice<'_>) -> Result<Vec<Eq>, Error> {
    let words = batch.read(slice)?;
    let values: Vec<Fq> = field::from_montgomery(batch.device().layout(), &words)?;
    let point = |[x, y, zz, zzz]: &[Fq; 4]| {
        if bool::from(zz.is_zero()) {
            return Ok(Eq::identity());
        }
        let wrong = Error::WrongResult("a point is not on the curve");
        let (Some(a), Some(b)) = (zz.invert().into_option(), zzz.invert().into_option()) else {
            return Err(wrong);
        };
        EqAffine::from_xy(x * a, y * b).into_option().map(Eq::from).ok_or(wrong)
    };
    values.as_chunks::<4>().0.iter().map(point).collect()
}

/// The sum from the sums of its windows, lowest first.
fn join(windows: &[Eq], bits: u32) -> Eq {
    windows.iter().rev().fold(Eq::identity(), |sum, window| (0..bits).fold(sum, |sum, _| sum.double()) + window)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_scalars_and_a_carry() {
        for count in [1, 16, 1000, 1 << 16, 1 << 20] {
            for bits in [8, 16, 32, 64, 256] {
                let cut = Cut::new(count, bits);
                assert!(cut.windows * cut.window as usize > bits.min(SCALAR_BITS) as usize, "{count} of {bits}: {cut:?}");
            }
        }
    }
}
