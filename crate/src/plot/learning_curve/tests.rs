use super::*;

fn measures(parts: &[&str], mean: f64) -> Vec<Measure> {
    let measure = |part: &&str| Measure {
        name: (*part).to_owned(),
        mean,
        std: 0.1,
    };
    parts.iter().map(measure).collect()
}

fn history(parts: &[&str], means: &[f64]) -> History {
    let epoch = |(index, &mean): (usize, &f64)| Epoch {
        number: index + 1,
        seconds: 1.0,
        learning_rate: 1e-3,
        train: measures(parts, mean),
        valid: measures(parts, mean + 0.5),
    };
    History {
        epochs: means.iter().enumerate().map(epoch).collect(),
        stopped: None,
    }
}

fn texts(figure: &Figure) -> Vec<String> {
    let svg = figure.svg().unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let texts = document
        .descendants()
        .filter(|node| node.has_tag_name("text"));
    texts
        .filter_map(|node| node.text().map(str::to_owned))
        .collect()
}

#[test]
fn every_part_has_a_panel_with_named_axes() {
    let history = history(&["loss", "r_loss", "kl"], &[3.0, 2.0, 1.5]);
    let texts = texts(&history.plot().unwrap().title("VAE, d' = 20"));
    let count = |wanted: &str| texts.iter().filter(|text| *text == wanted).count();
    for once in [
        "VAE, d' = 20",
        "training",
        "validation",
        "loss",
        "r_loss",
        "kl",
    ] {
        assert_eq!(count(once), 1, "{once} in {texts:?}");
    }
    assert_eq!(count("epoch"), 3);
    assert_eq!(count("2.0"), 3, "{texts:?}");
}

#[test]
fn a_training_without_validation_does_not_name_it() {
    let mut history = history(&["loss"], &[3.0, 2.0]);
    for epoch in &mut history.epochs {
        epoch.valid.clear();
    }
    let texts = texts(&learning_curve(&history).unwrap());
    assert!(texts.contains(&"training".to_owned()));
    assert!(!texts.contains(&"validation".to_owned()));
}

#[test]
fn the_curves_pass_through_the_means_and_the_lower_loss_is_lower() {
    let means = [3.0, 1.0, 2.0];
    let svg = learning_curve(&history(&["loss"], &means))
        .unwrap()
        .svg()
        .unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let curve = |color: &str| -> Vec<(f64, f64)> {
        let curves = document.descendants().filter(|node| {
            node.has_tag_name("polyline") && node.attribute("stroke") == Some(color)
        });
        // The other line of this colour is the sample in the legend.
        let points = curves.filter_map(|node| node.attribute("points"));
        let points = points.max_by_key(|points| points.len()).unwrap();
        let point = |point: &str| {
            let (x, y) = point.split_once(',').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        };
        points.split(' ').map(point).collect()
    };
    let training = curve("#0072b2");
    let validation = curve("#d55e00");
    // Steps of one epoch are equal, and a step of the loss is the same height everywhere.
    let near = |a: f64, b: f64| (a - b).abs() <= 0.5;
    assert!(near(
        training[1].0 - training[0].0,
        training[2].0 - training[1].0
    ));
    let unit = training[1].1 - training[2].1;
    assert!(unit > 50.0, "{training:?}");
    assert!(near(training[1].1 - training[0].1, 2.0 * unit));
    for (training, validation) in training.iter().zip(&validation) {
        assert!(near(training.0, validation.0));
        assert!(near(training.1 - validation.1, 0.5 * unit));
    }
}

#[test]
fn a_band_lies_one_deviation_around_the_mean() {
    let point = |epoch, mean| Point {
        epoch,
        mean,
        std: 0.25,
    };
    assert_eq!(
        band(&[point(1.0, 2.0), point(2.0, 1.0)]),
        [(1.0, 2.25), (2.0, 1.25), (2.0, 0.75), (1.0, 1.75)]
    );
    assert_eq!(band(&[point(1.0, 2.0)]).len(), 4);
}

#[test]
fn a_single_epoch_can_be_seen() {
    let svg = history(&["loss"], &[1.0]).plot().unwrap().svg().unwrap();
    // One in the panel and one in the legend.
    assert_eq!(svg.matches("<circle").count(), 2);
}

#[test]
fn a_first_epoch_far_from_the_others_is_left_out_and_told() {
    let figure = history(&["kl"], &[2784.3, 5.0, 3.0, 2.0]).plot().unwrap();
    let told = texts(&figure);
    for text in ["kl", "without epoch 1: 2784"] {
        assert!(told.contains(&text.to_owned()), "{told:?}");
    }
    assert!(!told.contains(&"2000".to_owned()), "{told:?}");
    // Three epochs and a sample in the legend.
    assert_eq!(figure.svg().unwrap().matches("<circle").count(), 4);

    let steep = history(&["loss"], &[20.0, 5.0, 3.0, 2.0]).plot().unwrap();
    assert!(texts(&steep).contains(&"loss".to_owned()));
    assert_eq!(steep.svg().unwrap().matches("<circle").count(), 5);
}

#[test]
fn losses_that_are_not_finite_are_placed() {
    let diverged = history(&["loss"], &[3.0, 2.0, f64::NAN, f64::INFINITY]);
    let error = diverged.plot().unwrap_err().to_string();
    assert!(
        error.contains("training loss at epoch 3, the first of 2 in 4 epochs"),
        "{error}"
    );
    let error = History::default().plot().unwrap_err().to_string();
    assert!(error.contains("history is empty"), "{error}");
}
