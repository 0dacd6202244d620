//! RAM and input during an execution: pages of words, each with the timestamp of its last access.
//!
//! Pages come into being at their first access, filled from the program's image and the input. A page-table entry of 0
//! sends an access down the slow path, which creates the page or finds the fault, so that the fast path has no check of
//! regions: pages outside memory have no entry, and pages that share words with text never get one.

use std::sync::Arc;

use crate::{
    Program,
    layout::{INPUT_WORD_END, INPUT_WORD_START, RAM_WORD_END, RAM_WORD_START},
};

/// Words of a page.
const PAGE_WORDS: u64 = 64;

/// A word and when it was accessed last (0: never).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) value: u64,
    pub(crate) ts: u64,
}

/// Why a word cannot be accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Neither RAM nor input.
    Outside,
    /// It belongs to the text.
    Text,
}

#[derive(Clone, Debug)]
struct Page {
    cells: [Cell; PAGE_WORDS as usize],
    number: u64,
    /// The epoch of the last access.
    epoch: u32,
}

/// The initial contents of memory.
#[derive(Clone, Debug)]
struct Source {
    program: Arc<Program>,
    input: Arc<[u8]>,
}

impl Source {
    /// The words of the program's image on a page.
    fn image_of(&self, page: u64) -> &[(u64, u64)] {
        let image = self.program.image();
        let start = image.partition_point(|word| word.0 < page * PAGE_WORDS);
        let len = image[start..].iter().take(PAGE_WORDS as usize).take_while(|word| word.0 / PAGE_WORDS == page).count();
        &image[start..start + len]
    }

    /// Word `index` of the input region: its length, then its bytes.
    fn input_word(&self, index: u64) -> u64 {
        let Some(index) = index.checked_sub(1) else { return self.input.len() as u64 };
        let start = (index as usize * 8).min(self.input.len());
        let end = (start + 8).min(self.input.len());
        let mut bytes = [0; 8];
        bytes[..end - start].copy_from_slice(&self.input[start..end]);
        u64::from_le_bytes(bytes)
    }

    fn page(&self, number: u64) -> [Cell; PAGE_WORDS as usize] {
        let mut cells = [Cell::default(); PAGE_WORDS as usize];
        let first = number * PAGE_WORDS;
        if first >= INPUT_WORD_START {
            for (cell, index) in cells.iter_mut().zip(first - INPUT_WORD_START..) {
                cell.value = self.input_word(index);
            }
        } else {
            for (addr, value) in self.image_of(number) {
                cells[(addr % PAGE_WORDS) as usize].value = *value;
            }
        }
        cells
    }
}

/// A word that was accessed since a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) addr: u64,
    pub(crate) cell: Cell,
}

/// Memory in execution.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    source: Source,
    /// Index into `pages` by page number; 0 where the slow path must look.
    table: Vec<u32>,
    /// Entry 0 is never used.
    pages: Vec<Page>,
    /// Pages that share words with text: `(number, index)`, at most two.
    mixed: Vec<(u64, u32)>,
    epoch: u32,
    /// Pages accessed in this epoch.
    dirty: Vec<u32>,
}

impl Memory {
    /// Memory before the first instruction.
    pub(crate) fn new(program: Arc<Program>, input: Arc<[u8]>) -> Self {
        let unused = Page { cells: [Cell::default(); PAGE_WORDS as usize], number: u64::MAX, epoch: 0 };
        Self {
            source: Source { program, input },
            table: vec![0; (INPUT_WORD_END / PAGE_WORDS) as usize],
            pages: vec![unused],
            mixed: Vec::new(),
            epoch: 0,
            dirty: Vec::new(),
        }
    }

    /// The program whose image this is.
    pub(crate) fn program(&self) -> &Program {
        &self.source.program
    }

    /// The cell of a word that is about to be accessed.
    #[inline(always)]
    pub(crate) fn cell(&mut self, word: u64) -> Result<&mut Cell, Fault> {
        let index = match self.table.get((word / PAGE_WORDS) as usize) {
            Some(index) if *index != 0 => *index,
            _ => self.slow(word)?,
        };
        let page = &mut self.pages[index as usize];
        if page.epoch != self.epoch {
            page.epoch = self.epoch;
            self.dirty.push(index);
        }
        Ok(&mut page.cells[(word % PAGE_WORDS) as usize])
    }

    /// Finds or creates the page of a word.
    #[cold]
    #[inline(never)]
    fn slow(&mut self, word: u64) -> Result<u32, Fault> {
        let in_ram = (RAM_WORD_START..RAM_WORD_END).contains(&word);
        if !in_ram && !(INPUT_WORD_START..INPUT_WORD_END).contains(&word) {
            return Err(Fault::Outside);
        }
        let text = self.source.program.text_words();
        if text.contains(&word) {
            return Err(Fault::Text);
        }
        let number = word / PAGE_WORDS;
        if let Some((_, index)) = self.mixed.iter().find(|mixed| mixed.0 == number) {
            return Ok(*index);
        }
        // At most 2^20 pages exist, so the index fits.
        let index = self.pages.len() as u32;
        self.pages.push(Page { cells: self.source.page(number), number, epoch: self.epoch });
        self.dirty.push(index);
        if text.start < (number + 1) * PAGE_WORDS && number * PAGE_WORDS < text.end {
            self.mixed.push((number, index));
        } else {
            self.table[number as usize] = index;
        }
        Ok(index)
    }

    /// The present value of a word, without accessing it; `None` for words that no access may reach.
    pub(crate) fn peek(&self, word: u64) -> Option<Cell> {
        let number = word / PAGE_WORDS;
        let mixed = || self.mixed.iter().find(|mixed| mixed.0 == number).map(|mixed| mixed.1);
        let in_memory = (RAM_WORD_START..RAM_WORD_END).contains(&word) || (INPUT_WORD_START..INPUT_WORD_END).contains(&word);
        if !in_memory || self.source.program.text_words().contains(&word) {
            return None;
        }
        let index = self.table.get(number as usize).copied().filter(|index| *index != 0).or_else(mixed);
        match index {
            Some(index) => Some(self.pages[index as usize].cells[(word % PAGE_WORDS) as usize]),
            None => Some(self.source.page(number)[(word % PAGE_WORDS) as usize]),
        }
    }

    /// The words accessed after timestamp `since`, by address, provided all pages accessed since then are of this epoch;
    /// begins a new epoch.
    pub(crate) fn end_epoch(&mut self, since: u64) -> Vec<Touched> {
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.sort_unstable_by_key(|index| self.pages[*index as usize].number);
        let mut touched = Vec::new();
        for page in dirty.iter().map(|index| &self.pages[*index as usize]) {
            let addrs = page.number * PAGE_WORDS..;
            let cells = page.cells.iter().zip(addrs).filter(|(cell, _)| cell.ts > since);
            touched.extend(cells.map(|(cell, addr)| Touched { addr, cell: *cell }));
        }
        dirty.clear();
        self.dirty = dirty;
        self.epoch += 1;
        touched
    }

    /// Sets words to what they were when `touched` was taken.
    pub(crate) fn restore(&mut self, touched: &[Touched]) {
        for word in touched {
            // Words that were accessed once can be accessed.
            if let Ok(cell) = self.cell(word.addr) {
                *cell = word.cell;
            }
        }
    }

    /// All words accessed so far that are not of the program's image, by address, page by page.
    pub(crate) fn touched_pages(&self) -> Vec<TouchedPage> {
        let mut pages: Vec<_> = (1..self.pages.len()).map(|index| self.touched_page(index)).collect();
        pages.retain(|page| page.mask != 0);
        pages.sort_unstable_by_key(|page| self.pages[page.index].number);
        pages
    }

    fn touched_page(&self, index: usize) -> TouchedPage {
        let page = &self.pages[index];
        let bits = page.cells.iter().enumerate().map(|(i, cell)| u64::from(cell.ts != 0) << i);
        let image = self.source.image_of(page.number).iter().map(|word| 1 << (word.0 % PAGE_WORDS));
        TouchedPage { index, mask: bits.sum::<u64>() & !image.sum::<u64>() }
    }

    /// The words of one entry of [`Memory::touched_pages`], with their initial values.
    pub(crate) fn words_of(&self, touched: TouchedPage) -> impl Iterator<Item = (Touched, u64)> + '_ {
        let page = &self.pages[touched.index];
        let initial = self.source.page(page.number);
        (0..PAGE_WORDS).filter(move |i| touched.mask >> i & 1 == 1).map(move |i| {
            let word = Touched { addr: page.number * PAGE_WORDS + i, cell: page.cells[i as usize] };
            (word, initial[i as usize].value)
        })
    }
}

/// A page and which of its words were accessed and do not belong to the image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TouchedPage {
    index: usize,
    mask: u64,
}

impl TouchedPage {
    /// Number of words.
    pub(crate) const fn len(self) -> usize {
        self.mask.count_ones() as usize
    }
}
