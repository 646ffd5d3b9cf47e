//! How much memory the exact nearest neighbours take beside their data. Alone in its process, whose
//! peak it reads.
#![cfg(target_os = "linux")]

use cuaderno::prelude::*;

/// The largest part of this process that was ever in memory since the last call, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kilobytes: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
    // Five forgets the peak.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    kilobytes * 1024
}

#[test]
fn ten_thousand_queries_in_sixty_thousand_points_take_less_than_200_mb() {
    let mut rng = Rng::new(6202);
    let points = rng.normal(0.0, 1.0, &[60_000, 32]).unwrap();
    let queries = rng.normal(0.0, 1.0, &[10_000, 32]).unwrap();
    let labels: Vec<u32> = (0..60_000).map(|i| i % 10).collect();
    let labels = Tensor::new(labels, &Device::Cpu).unwrap();
    let knn = Knn::params(10).fit((&points, &labels)).unwrap();
    peak();
    let before = peak();
    assert_eq!(knn.predict(&queries).unwrap().dims(), [10_000]);
    let more = peak().saturating_sub(before) / 1_000_000;
    println!("{more} MB beside the data");
    assert!(more < 200, "{more} MB");
}
