//! The frames of requests and responses: `uvarint(length) ‖ uvarint(compressed length) ‖ snappy block`, and in responses a byte in front of each.
//!
//! Both lengths stand in front, so that a reader knows before it reads whether it wants to, and how far. A response says where it ends, so that one that is
//! cut off is not taken for a short one.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::requests::{Refusal, ResponseLimits};
use super::snappy;
use crate::memory::{Budget, Held, Room};

/// In front of an item.
const ITEM: u8 = 0;

/// Behind the last item.
pub(super) const END: u8 = 255;

/// Bytes of a block that are read at once; then as many again as are there.
const STEP: usize = 64 << 10;

/// Most bytes of a length.
const MAX_VARINT_BYTES: usize = 5;

fn invalid(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Appends a length as unsigned LEB128.
fn write_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// Reads an unsigned LEB128 number in its shortest form.
async fn read_length<R: AsyncRead + Unpin + Send>(io: &mut R) -> io::Result<usize> {
    let mut length = 0u64;
    for place in 0..MAX_VARINT_BYTES {
        let mut byte = [0];
        io.read_exact(&mut byte).await?;
        length |= u64::from(byte[0] & 0x7f) << (7 * place);
        if byte[0] < 0x80 {
            if byte[0] == 0 && place > 0 {
                return Err(invalid("length is not in its shortest form"));
            }
            return usize::try_from(length).map_err(invalid);
        }
    }
    Err(invalid("length is too long"))
}

/// Appends a frame without result.
///
/// # Errors
/// If it is longer than snappy can hold.
pub fn write_frame(content: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let block = snappy::compress(content).map_err(invalid)?;
    write_length(content.len(), out);
    write_length(block.len(), out);
    out.extend_from_slice(&block);
    Ok(())
}

fn no_room() -> io::Error {
    io::Error::new(io::ErrorKind::OutOfMemory, "there is no room for what peers send")
}

/// Reads a frame of `least` to `most` bytes. Memory is taken as bytes arrive, all of it out of `room`, where what the content takes remains.
///
/// # Errors
/// If it ends early, or is longer or shorter, or is not what it says; with [`io::ErrorKind::OutOfMemory`] if there is no room.
pub async fn read_frame<R: AsyncRead + Unpin + Send>(
    io: &mut R,
    least: usize,
    most: usize,
    room: &mut Room,
) -> io::Result<Vec<u8>> {
    let length = read_length(io).await?;
    if !(least..=most).contains(&length) {
        return Err(invalid(format!("{length} bytes, {least} to {most} are allowed")));
    }
    let compressed = read_length(io).await?;
    if compressed > snappy::compressed_limit(length) {
        return Err(invalid(format!("{compressed} bytes compressed for {length}")));
    }
    let mut block = Vec::new();
    while block.len() < compressed {
        let before = block.len();
        let step = before.max(STEP).min(compressed - before);
        if !room.grow(step) {
            return Err(no_room());
        }
        block.reserve_exact(step);
        block.resize(before + step, 0);
        io.read_exact(&mut block[before..]).await?;
    }
    if !room.grow(length) {
        return Err(no_room());
    }
    let content = snappy::decompress(&block, length, length).map_err(invalid);
    room.shrink(compressed);
    content
}

/// Writes a whole response: a frame behind a 0 for each item and 255 behind the last, or one byte of refusal. What is written is not held any longer.
/// Returns how many bytes it took.
///
/// # Errors
/// If it holds more than `limits` allow.
pub async fn write_response<W: AsyncWrite + Unpin + Send>(
    io: &mut W,
    response: Result<Vec<Vec<u8>>, Refusal>,
    limits: ResponseLimits,
) -> io::Result<usize> {
    let items = match response {
        Ok(items) => items,
        Err(refusal) => {
            io.write_all(&[refusal.code()]).await?;
            return Ok(1);
        }
    };
    let total: usize = items.iter().map(Vec::len).sum();
    if items.len() > limits.items || total > limits.total_bytes || items.iter().any(|item| item.len() > limits.item_bytes) {
        return Err(invalid(format!("response of {} items and {total} bytes is more than is allowed", items.len())));
    }
    let (mut bytes, mut frames) = (0, Vec::new());
    for item in items {
        frames.push(ITEM);
        write_frame(&item, &mut frames)?;
        drop(item);
        // Small items go together: each write has headers of its own below this.
        if frames.len() >= STEP {
            bytes += frames.len();
            io.write_all(&frames).await?;
            frames.clear();
        }
    }
    frames.push(END);
    io.write_all(&frames).await?;
    Ok(bytes + frames.len())
}

/// Reads a response to its end, within what is left of `budget`.
///
/// # Errors
/// If it holds more than `limits` allow, or anything that is not a response; with [`io::ErrorKind::OutOfMemory`] if there is no room.
pub async fn read_response<R: AsyncRead + Unpin + Send>(
    io: &mut R,
    limits: ResponseLimits,
    budget: &Budget,
) -> io::Result<Result<Held<Vec<Vec<u8>>>, Refusal>> {
    let mut room = budget.take(0).ok_or_else(no_room)?;
    let mut items = Vec::new();
    let mut left = limits.total_bytes;
    loop {
        let mut result = [0];
        io.read_exact(&mut result).await?;
        match result[0] {
            ITEM => {}
            END => return Ok(Ok(Held { content: items, room })),
            // What came before a refusal is not worth keeping apart: the whole request can be made again.
            code => return Ok(Err(Refusal::from_code(code))),
        }
        if items.len() == limits.items {
            return Err(invalid(format!("more than {} items", limits.items)));
        }
        let item = read_frame(io, 0, limits.item_bytes.min(left), &mut room).await?;
        left -= item.len();
        items.push(item);
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::io::Cursor;
    use proptest::prelude::*;

    use super::*;

    const LIMITS: ResponseLimits = ResponseLimits { items: 5, item_bytes: 300, total_bytes: 900 };

    fn read(bytes: &[u8]) -> io::Result<Result<Vec<Vec<u8>>, Refusal>> {
        let budget = Budget::new(4096);
        let read = block_on(read_response(&mut Cursor::new(bytes), LIMITS, &budget))?;
        if let Ok(held) = &read {
            assert_eq!(
                4096 - budget.left(),
                held.content.iter().map(Vec::len).sum::<usize>(),
                "it takes the room of its content"
            );
        }
        Ok(read.map(|held| held.content))
    }

    fn read_one(bytes: &[u8], budget: &Budget) -> io::Result<Vec<u8>> {
        block_on(read_frame(&mut Cursor::new(bytes), 0, 1 << 20, &mut budget.take(0).unwrap()))
    }

    fn write(response: Result<Vec<Vec<u8>>, Refusal>, limits: ResponseLimits) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let written = block_on(write_response(&mut bytes, response, limits))?;
        assert_eq!(written, bytes.len());
        Ok(bytes)
    }

    #[test]
    fn what_there_is_no_room_for_is_not_read() {
        let content: Vec<u8> = (0..300_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let mut frame = Vec::new();
        write_frame(&content, &mut frame).unwrap();
        let block = frame.len() - 6;
        // While it is decompressed there are both, block and content.
        let enough = Budget::new(content.len() + block);
        assert_eq!(read_one(&frame, &enough).unwrap(), content);
        assert_eq!(enough.left(), content.len() + block, "all of it is given back");
        for less in [0, 1000, block - 1, block, content.len() + block - 1] {
            let error = read_one(&frame, &Budget::new(less)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::OutOfMemory, "{less}");
        }
        // Room is taken for what has arrived, not for what is claimed.
        let little = Budget::new(STEP);
        assert_eq!(read_one(&frame[..1000], &little).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let answer = write(Ok(vec![vec![1; 200]; 2]), LIMITS).unwrap();
        let full = block_on(read_response(&mut Cursor::new(&answer), LIMITS, &Budget::new(300)));
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::OutOfMemory, "items add up");
    }

    #[test]
    fn lengths_have_one_form() {
        for length in [0, 1, 127, 128, 300, 1 << 20, u32::MAX as usize] {
            let mut out = Vec::new();
            write_length(length, &mut out);
            assert_eq!(block_on(read_length(&mut Cursor::new(&out))).unwrap(), length);
        }
        for wrong in [&[0x80, 0][..], &[0xff; 5], &[0x80], &[]] {
            assert!(block_on(read_length(&mut Cursor::new(wrong))).is_err());
        }
    }

    #[test]
    fn more_than_is_allowed_is_neither_written_nor_read() {
        let wide = ResponseLimits { items: 100, item_bytes: 1 << 20, total_bytes: 1 << 20 };
        for items in [vec![vec![]; 6], vec![vec![0; 301]], vec![vec![0; 250]; 4]] {
            let response = Ok(items);
            assert!(write(response.clone(), LIMITS).is_err());
            assert!(read(&write(response, wide).unwrap()).is_err());
        }
    }

    #[test]
    fn a_frame_that_lies_of_its_length_is_refused() {
        let mut honest = Vec::new();
        write_frame(&[7; 100], &mut honest).unwrap();
        for (place, value) in [(0, 99), (0, 101), (1, 3), (1, 127), (2, 99)] {
            let mut lie = honest.clone();
            lie[place] = value;
            assert!(read_one(&lie, &Budget::new(4096)).is_err(), "{place} {value}");
        }
        for end in 0..honest.len() {
            assert!(read_one(&honest[..end], &Budget::new(4096)).is_err());
        }
    }

    #[test]
    fn a_response_that_is_cut_off_is_none() {
        let whole = write(Ok(vec![vec![1; 20], vec![2; 20]]), LIMITS).unwrap();
        assert!(read(&whole).unwrap().is_ok());
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).is_err(), "{end}");
        }
    }

    proptest! {
        #[test]
        fn responses_survive_their_encoding(items in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..150), 0..=5)) {
            let bytes = write(Ok(items.clone()), LIMITS).unwrap();
            prop_assert_eq!(read(&bytes).unwrap(), Ok(items));
        }

        #[test]
        fn refusals_survive_their_encoding(code in 1u8..255) {
            let refusal = Refusal::from_code(code);
            prop_assert_eq!(read(&write(Err(refusal), LIMITS).unwrap()).unwrap(), Err(refusal));
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(Ok(items)) = read(&bytes) {
                prop_assert!(items.iter().map(Vec::len).sum::<usize>() <= LIMITS.total_bytes);
            }
        }
    }
}
