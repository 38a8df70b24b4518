//! How much a step may still do, in postings.

#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    pub(super) const fn new(postings: usize) -> Self {
        Self(postings)
    }

    pub(super) const fn is_spent(&self) -> bool {
        self.0 == 0
    }

    pub(super) const fn left(&self) -> usize {
        self.0
    }

    pub(super) const fn spend(&mut self, postings: usize) {
        self.0 = self.0.saturating_sub(postings);
    }

    /// A quarter of it, and at least something while there is something.
    pub(super) const fn quarter(&self) -> Self {
        Self(self.0.div_ceil(4))
    }

    /// How many things of this price can be had: at least one.
    pub(super) const fn buys(&self, price: usize) -> usize {
        self.0.div_ceil(price)
    }
}
