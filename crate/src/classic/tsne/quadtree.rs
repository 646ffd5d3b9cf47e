//! A tree of squares around points in the plane.

/// The most points that a leaf holds, unless it is one of the smallest squares.
const LEAF: usize = 16;

/// How often the square around all points is halved, at most.
const DEPTH: u32 = 16;

/// The nodes in pre-order: each stands before its children.
pub(super) struct QuadTree {
    pub nodes: Vec<Node>,
    /// The points in the order of the leaves.
    pub points: Vec<[f32; 2]>,
    /// The row of each of these points.
    pub rows: Vec<u32>,
}

/// A square and the points in it.
pub(super) struct Node {
    /// The mean of its points.
    pub centre: [f32; 2],
    /// Where its points are in [`QuadTree::points`].
    pub start: usize,
    pub end: usize,
    /// The squared side of the square.
    pub side_squared: f32,
    /// The node after its last descendant, which for a leaf is the next node.
    pub next: usize,
    pub is_leaf: bool,
}

impl Node {
    /// The number of its points.
    pub fn len(&self) -> usize {
        self.end - self.start
    }
}

impl QuadTree {
    /// The tree of `positions`, which must be finite and not empty.
    pub fn of(positions: &[[f32; 2]]) -> Self {
        let (low, side) = square_around(positions);
        // Sorted by interleaved coordinates, the points of every square are next to each other.
        let mut keys: Vec<(u32, u32)> = Vec::with_capacity(positions.len());
        let cells = (1 << DEPTH) as f32 / side;
        for (row, position) in positions.iter().enumerate() {
            let cell = |axis: usize| {
                let cell = ((position[axis] - low[axis]) * cells) as u32;
                spread(cell.min((1 << DEPTH) - 1))
            };
            keys.push((cell(0) << 1 | cell(1), row as u32));
        }
        keys.sort_unstable();
        let mut tree = Self {
            nodes: Vec::new(),
            points: keys
                .iter()
                .map(|&(_, row)| positions[row as usize])
                .collect(),
            rows: keys.iter().map(|&(_, row)| row).collect(),
        };
        let keys: Vec<u32> = keys.into_iter().map(|(key, _)| key).collect();
        tree.grow(&keys, 0, side, 0);
        tree
    }

    /// Adds the node of the points with these `keys`, the first of them at `start`, and its
    /// descendants. Returns the sum of the points.
    fn grow(&mut self, keys: &[u32], start: usize, side: f32, depth: u32) -> [f64; 2] {
        let at = self.nodes.len();
        let is_leaf = keys.len() <= LEAF || depth == DEPTH;
        self.nodes.push(Node {
            centre: [0.0; 2],
            start,
            end: start + keys.len(),
            side_squared: side * side,
            next: 0,
            is_leaf,
        });
        let mut sum = [0f64; 2];
        if is_leaf {
            for point in &self.points[start..start + keys.len()] {
                sum = [sum[0] + f64::from(point[0]), sum[1] + f64::from(point[1])];
            }
        } else {
            let shift = 2 * (DEPTH - 1 - depth);
            let mut begin = 0;
            for quadrant in 0..4 {
                let rest = &keys[begin..];
                let count = rest.partition_point(|key| key >> shift & 3 <= quadrant);
                if count > 0 {
                    let part = self.grow(&rest[..count], start + begin, side / 2.0, depth + 1);
                    sum = [sum[0] + part[0], sum[1] + part[1]];
                    begin += count;
                }
            }
        }
        let (next, count) = (self.nodes.len(), keys.len() as f64);
        let node = &mut self.nodes[at];
        node.next = next;
        node.centre = sum.map(|sum| (sum / count) as f32);
        sum
    }
}

/// The lower corner and the side of the square around all points.
fn square_around(positions: &[[f32; 2]]) -> ([f32; 2], f32) {
    let (mut low, mut high) = (positions[0], positions[0]);
    for position in positions {
        for axis in 0..2 {
            low[axis] = low[axis].min(position[axis]);
            high[axis] = high[axis].max(position[axis]);
        }
    }
    let side = (high[0] - low[0]).max(high[1] - low[1]);
    (low, side.max(f32::MIN_POSITIVE))
}

/// Inserts a zero before each of 16 bits.
fn spread(bits: u32) -> u32 {
    let bits = (bits | bits << 8) & 0x00ff_00ff;
    let bits = (bits | bits << 4) & 0x0f0f_0f0f;
    let bits = (bits | bits << 2) & 0x3333_3333;
    (bits | bits << 1) & 0x5555_5555
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(positions: &[[f32; 2]]) -> QuadTree {
        let tree = QuadTree::of(positions);
        let mut rows = tree.rows.clone();
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..positions.len() as u32));
        assert_eq!(
            (tree.nodes[0].start, tree.nodes[0].end),
            (0, positions.len())
        );

        for (at, node) in tree.nodes.iter().enumerate() {
            let points = &tree.points[node.start..node.end];
            for axis in 0..2 {
                let of_axis = || points.iter().map(|point| point[axis]);
                let extent =
                    of_axis().fold(f32::MIN, f32::max) - of_axis().fold(f32::MAX, f32::min);
                assert!(extent <= node.side_squared.sqrt() * 1.001);
                let mean = of_axis().map(f64::from).sum::<f64>() / node.len() as f64;
                assert!((f64::from(node.centre[axis]) - mean).abs() < 1e-5);
            }
            if node.is_leaf {
                assert_eq!(node.next, at + 1);
                continue;
            }
            // Each point is in exactly one of the children.
            let (mut child, mut begin) = (at + 1, node.start);
            while child < node.next {
                assert_eq!(tree.nodes[child].start, begin);
                begin = tree.nodes[child].end;
                child = tree.nodes[child].next;
            }
            assert_eq!((child, begin), (node.next, node.end));
        }
        tree
    }

    #[test]
    fn every_node_holds_the_points_of_its_square() {
        for n in [1, LEAF, LEAF + 1, 2000] {
            let numbers = crate::Rng::new(1).normal(0.0, 1.0, &[n, 2]).unwrap();
            let numbers: Vec<f32> = numbers.flatten_all().unwrap().to_vec1().unwrap();
            let tree = check(numbers.as_chunks().0);
            let leaves = tree.nodes.iter().filter(|node| node.is_leaf);
            assert!(leaves.map(Node::len).max() <= Some(LEAF));
        }
    }

    #[test]
    fn points_in_one_place_share_a_leaf() {
        let mut positions = vec![[0.25, -3.0]; 100];
        assert_eq!(check(&positions).nodes.last().unwrap().len(), 100);
        positions.push([7.0, 7.0]);
        check(&positions);
    }
}
