//! Division of polynomials by X − z.

use ff::Field;
use quintet_air::F;

use crate::{Batch, Device, Error, KernelSpec, Slice, columns::groups, field};

/// Coefficients that one thread runs over.
const CHUNK: usize = 32;

fn kernel(finish: bool) -> KernelSpec {
    KernelSpec::fp("divide").with("CHUNK", CHUNK as i64).with("FINISH", i64::from(finish))
}

fn parameters(device: &Device, length: usize, carried: bool, z: F) -> Vec<u32> {
    let mut parameters = vec![length as u32, u32::from(carried), 0, 0];
    parameters.extend(field::montgomery(device.layout(), &[z]));
    parameters
}

impl Batch<'_> {
    /// Records the quotient of a polynomial by X − z; what remains is dropped. The target takes as many coefficients, the highest of them 0.
    ///
    /// # Errors
    /// If the device fails.
    pub fn divide(&mut self, source: Slice<'_>, z: F, target: Slice<'_>) -> Result<(), Error> {
        let device = self.device();
        let length = (target.bytes() / field::BYTES) as usize;
        let chunks = length.div_ceil(CHUNK);
        let finish = device.kernel(&kernel(true))?;
        if chunks == 1 {
            let none = device.buffer("no carries", field::BYTES)?;
            return self.run(&finish, &parameters(device, length, false, z), &[source, none.all(), target], groups(1));
        }
        let bytes = chunks as u64 * field::BYTES;
        let sums = device.buffer("sums of chunks", bytes)?;
        self.run(
            &*device.kernel(&kernel(false))?,
            &parameters(device, length, false, z),
            &[source, sums.all()],
            groups(chunks),
        )?;
        let carries = device.buffer("carries of chunks", bytes)?;
        self.divide(sums.all(), z.pow_vartime([CHUNK as u64]), carries.all())?;
        self.run(&finish, &parameters(device, length, true, z), &[source, carries.all(), target], groups(chunks))
    }
}
