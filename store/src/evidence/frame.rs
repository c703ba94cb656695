//! The frame around the members: tar (POSIX ustar), written in exactly one way, so that nothing in it can be changed unnoticed.

use std::io::{self, Read};

/// Bytes of a block.
pub(super) const BLOCK: usize = 512;
/// Bytes of zeros at the end.
pub(super) const END: usize = 2 * BLOCK;

/// The head of a member: a plain file that everybody may read, of no date and nobody.
pub(super) fn head(name: &str, size: u64) -> [u8; BLOCK] {
    let mut head = [0; BLOCK];
    let mut put = |at: usize, text: &[u8]| {
        for (to, from) in head.iter_mut().skip(at).zip(text) {
            *to = *from;
        }
    };
    put(0, name.as_bytes());
    put(100, b"0000644");
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{size:011o}").as_bytes());
    put(136, b"00000000000");
    // While the sum is computed its place holds blanks.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = head.iter().copied().map(u32::from).sum();
    let sum = format!("{sum:07o}\0");
    for (to, from) in head.iter_mut().skip(148).zip(sum.bytes()) {
        *to = from;
    }
    head
}

/// Zeros between a member of this size and the next head.
pub(super) fn padding(size: u64) -> usize {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    (BLOCK - over) % BLOCK
}

/// What a block begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A file of this name and size; not as written when it was packed by somebody else.
    Member { name: String, size: u64, as_written: bool },
    /// Something else of this size, such as a folder.
    Further(u64),
    /// Zeros: the end.
    End,
    /// Nothing that is known.
    Other,
}

/// Reads a head. Errors: also when it is cut.
pub(super) fn read(from: &mut impl Read) -> io::Result<Block> {
    let mut block = [0; BLOCK];
    from.read_exact(&mut block)?;
    if block.iter().all(|byte| *byte == 0) {
        return Ok(Block::End);
    }
    let text = |from: usize, most: usize| {
        let field = block.get(from..from + most).unwrap_or_default();
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        std::str::from_utf8(field.get(..end).unwrap_or_default()).unwrap_or_default()
    };
    let number = |from, most, radix| u64::from_str_radix(text(from, most).trim(), radix).ok();
    let blank =
        |(at, byte): (usize, &u8)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) };
    let sum: u64 = block.iter().enumerate().map(blank).sum();
    let (name, Some(size)) = (text(0, 100), number(124, 12, 8)) else { return Ok(Block::Other) };
    if number(148, 8, 8) != Some(sum) || !text(257, 6).starts_with("ustar") {
        return Ok(Block::Other);
    }
    let kind = block.get(156).copied().unwrap_or_default();
    Ok(if kind == b'0' || kind == 0 {
        let as_written = head(name, size) == block;
        let name = name.strip_prefix("./").unwrap_or(name).to_owned();
        Block::Member { name, size, as_written }
    } else {
        Block::Further(size)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written_and_in_no_other_way() {
        let head = head("events/000000000001.jsonl.gz", 1234);
        let name = "events/000000000001.jsonl.gz".to_owned();
        let whole = Block::Member { name, size: 1234, as_written: true };
        assert_eq!(read(&mut &head[..]).unwrap(), whole);
        for at in 0..BLOCK {
            let mut changed = head;
            changed[at] ^= 1;
            assert_ne!(read(&mut &changed[..]).unwrap(), whole, "{at}");
        }
        assert_eq!(read(&mut &[0; BLOCK][..]).unwrap(), Block::End);
        assert_eq!(read(&mut &[7; BLOCK][..]).unwrap(), Block::Other);
        let cut = read(&mut &head[..100]).unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!((padding(0), padding(1), padding(512), padding(513)), (0, 511, 0, 511));
    }

    #[test]
    fn the_frame_of_others_is_known_as_such() {
        let mut head = tar::Header::new_gnu();
        head.set_path("./events/x").unwrap();
        head.set_size(9);
        head.set_mode(0o640);
        head.set_mtime(1_700_000_000);
        head.set_cksum();
        let found = read(&mut &head.as_bytes()[..]).unwrap();
        let name = "events/x".to_owned();
        assert_eq!(found, Block::Member { name, size: 9, as_written: false });
        head.set_entry_type(tar::EntryType::Directory);
        head.set_cksum();
        assert_eq!(read(&mut &head.as_bytes()[..]).unwrap(), Block::Further(9));
    }
}
