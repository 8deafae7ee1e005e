//! Sets of nodes as the search, the evaluators and the ablation plans hold them.

/// A set of places in a [`NodeSpace`](super::NodeSpace): one bit for each node of the model.
///
/// Sets that are combined must be of the same space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSet {
    /// The bits of the places from `places` on are zero.
    words: Vec<u64>,
    places: usize,
}

const BITS: usize = u64::BITS as usize;

impl NodeSet {
    /// No node of a space of `places` nodes.
    pub fn empty(places: usize) -> NodeSet {
        NodeSet { words: vec![0; places.div_ceil(BITS)], places }
    }

    /// Every node of a space of `places` nodes.
    pub fn full(places: usize) -> NodeSet {
        NodeSet::empty(places).complement()
    }

    /// The places at which `contains` is true, asked once for each in ascending order.
    pub fn from_fn(places: usize, mut contains: impl FnMut(usize) -> bool) -> NodeSet {
        let mut set = NodeSet::empty(places);
        (0..places).filter(|&node| contains(node)).for_each(|node| set.insert(node));
        set
    }

    /// Number of nodes in the space.
    pub fn places(&self) -> usize {
        self.places
    }

    /// Number of nodes in the set.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// `node` must be below [`NodeSet::places`], here and in the methods below.
    pub fn contains(&self, node: usize) -> bool {
        assert!(node < self.places, "node {node} of a space of {}", self.places);
        self.words[node / BITS] >> (node % BITS) & 1 == 1
    }

    pub fn insert(&mut self, node: usize) {
        assert!(node < self.places, "node {node} of a space of {}", self.places);
        self.words[node / BITS] |= 1 << (node % BITS);
    }

    pub fn remove(&mut self, node: usize) {
        assert!(node < self.places, "node {node} of a space of {}", self.places);
        self.words[node / BITS] &= !(1 << (node % BITS));
    }

    /// The set and `node`.
    pub fn with(&self, node: usize) -> NodeSet {
        let mut set = self.clone();
        set.insert(node);
        set
    }

    /// The set but for `node`.
    pub fn without(&self, node: usize) -> NodeSet {
        let mut set = self.clone();
        set.remove(node);
        set
    }

    /// The nodes of either set.
    pub fn union(&self, other: &NodeSet) -> NodeSet {
        assert_eq!(self.places, other.places, "sets of one space");
        let words = self.words.iter().zip(&other.words).map(|(a, b)| a | b).collect();
        NodeSet { words, places: self.places }
    }

    /// The nodes of the space that are not in the set.
    pub fn complement(&self) -> NodeSet {
        let mut words: Vec<u64> = self.words.iter().map(|word| !word).collect();
        if let Some(last) = words.last_mut()
            && !self.places.is_multiple_of(BITS)
        {
            *last &= (1 << (self.places % BITS)) - 1;
        }
        NodeSet { words, places: self.places }
    }

    /// The nodes in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let bits = |word: u64| Some(word).filter(|word| *word != 0);
            // each step clears the lowest bit
            std::iter::successors(bits(word), move |&word| bits(word & (word - 1)))
                .map(move |word| at * BITS + word.trailing_zeros() as usize)
        })
    }

    /// As a device takes it, for the nodes in `range`: 1 for a node of the set, 0 for the others.
    pub fn mask(&self, range: std::ops::Range<usize>) -> Vec<f32> {
        range.map(|node| f32::from(u8::from(self.contains(node)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// A space and members of two sets in it.
    fn spaces() -> impl Strategy<Value = (usize, BTreeSet<usize>, BTreeSet<usize>)> {
        (1usize..300).prop_flat_map(|places| {
            let members = || prop::collection::btree_set(0..places, 0..=places);
            (Just(places), members(), members())
        })
    }

    fn set(places: usize, members: &BTreeSet<usize>) -> NodeSet {
        NodeSet::from_fn(places, |node| members.contains(&node))
    }

    fn members(set: &NodeSet) -> BTreeSet<usize> {
        let listed: Vec<usize> = set.iter().collect();
        assert!(listed.is_sorted(), "{listed:?}");
        let members: BTreeSet<usize> = listed.iter().copied().collect();
        assert_eq!(members.len(), listed.len(), "a node twice: {listed:?}");
        members
    }

    proptest! {
        #[test]
        fn it_is_the_set_that_a_tree_would_be((places, a, b) in spaces()) {
            let (ours, other) = (set(places, &a), set(places, &b));
            prop_assert_eq!(members(&ours), a.clone());
            prop_assert_eq!((ours.len(), ours.is_empty(), ours.places()), (a.len(), a.is_empty(), places));
            prop_assert_eq!(ours == other, a == b);
            prop_assert_eq!(members(&ours.union(&other)), &a | &b);
            let all: BTreeSet<usize> = (0..places).collect();
            prop_assert_eq!(members(&ours.complement()), &all - &a);
            prop_assert_eq!(ours.complement().complement(), ours.clone());
            prop_assert_eq!((NodeSet::full(places), NodeSet::empty(places)), (set(places, &all), set(places, &BTreeSet::new())));
            for node in 0..places {
                prop_assert_eq!(ours.contains(node), a.contains(&node));
            }
            let mask: Vec<f32> = (0..places).map(|node| if a.contains(&node) { 1.0 } else { 0.0 }).collect();
            prop_assert_eq!(ours.mask(0..places), mask.clone());
            prop_assert_eq!(ours.mask(places / 3..places), &mask[places / 3..]);
        }

        #[test]
        fn nodes_come_and_go_as_in_a_tree((places, mut tree, changes) in spaces(), seed in any::<u64>()) {
            let mut ours = set(places, &tree);
            for (at, node) in changes.into_iter().enumerate() {
                let (with, without) = (ours.with(node), ours.without(node));
                prop_assert!(with.contains(node) && !without.contains(node));
                if seed >> (at % 64) & 1 == 1 {
                    ours.insert(node);
                    tree.insert(node);
                    prop_assert_eq!(&ours, &with);
                } else {
                    ours.remove(node);
                    tree.remove(&node);
                    prop_assert_eq!(&ours, &without);
                }
                prop_assert_eq!(members(&ours), tree.clone());
            }
        }
    }
}
