use crate::nn::Plan;
use crate::plot::Theme;
use crate::prelude::*;

/// The texts of a figure with their places, from left to right.
fn texts(figure: &Figure) -> Vec<(String, f64)> {
    let svg = figure.svg().unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let mut texts: Vec<(String, f64)> = document
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .map(|node| {
            let x = node.attribute("x").unwrap_or_else(|| {
                let turned = node.attribute("transform").unwrap();
                turned.split(['(', ' ']).nth(1).unwrap()
            });
            (node.text().unwrap().to_owned(), x.parse().unwrap())
        })
        .collect();
    texts.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    texts
}

fn place(figure: &Figure, wanted: &str) -> f64 {
    let texts = texts(figure);
    let found = texts.iter().find(|(text, _)| text == wanted);
    found
        .unwrap_or_else(|| panic!("no {wanted:?} in {texts:?}"))
        .1
}

fn convolutional() -> Sequential {
    Sequential::input(&[1, 28, 28])
        .then(
            "conv",
            Conv2d::filters(16).padding(1).activation(Activation::Relu),
        )
        .then("pool", MaxPool2d::window(2))
        .then("flatten", Flatten)
        .then("digits", Dense::units(10))
        .build(1)
        .unwrap()
}

#[test]
fn layers_and_shapes_stand_in_their_order() {
    let figure = convolutional().diagram().unwrap();
    let layers = ["Input", "Conv2d + Relu", "MaxPool2d", "Flatten", "Dense"];
    let places = layers.map(|layer| place(&figure, layer));
    assert!(places.is_sorted(), "{places:?}");
    let shapes = ["28 × 28", "14 × 14", "3136", "10"].map(|shape| place(&figure, shape));
    assert!(shapes.is_sorted(), "{shapes:?}");
}

#[test]
fn boxes_grow_with_their_shapes() {
    let network = convolutional();
    let measure = super::volume::Measure::of(&[&[1, 28, 28], &[16, 14, 14], &[784], &[2]]);
    let volume = |shape: &[usize]| measure.volume(shape);
    let (image, pooled) = (volume(&[1, 28, 28]), volume(&[16, 14, 14]));
    assert_eq!(pooled.height, image.height / 2.0);
    assert!(pooled.width > image.width && pooled.back < image.back);
    assert!(volume(&[784]).height > 3.0 * volume(&[2]).height);
    assert_eq!(volume(&[784]).back, 0.0);
    assert!(network.diagram().unwrap().png().is_ok());
}

#[test]
fn branches_and_shortcuts_are_drawn() {
    let heads = Parallel::concat(1)
        .branch("mean", Dense::units(2))
        .branch("log_var", Dense::units(2));
    let network = Sequential::input(&[8])
        .then(
            "around",
            Residual::around(Dense::units(8).activation(Activation::Relu)),
        )
        .then("heads", heads)
        .build(1)
        .unwrap();
    let figure = network.diagram().unwrap();
    assert!(place(&figure, "around") < place(&figure, "mean"));
    assert_eq!(
        texts(&figure)
            .iter()
            .filter(|(text, _)| text == "Dense")
            .count(),
        2
    );
    place(&figure, "log_var");
    place(&figure, "4");
    // The sign of the sum is drawn as paper and as a line.
    assert_eq!(figure.svg().unwrap().matches("<circle").count(), 2);

    let sum = Parallel::sum()
        .branch("one", Conv2d::filters(4).kernel(1))
        .branch("three", Conv2d::filters(4).padding(1))
        .build(&[4, 6, 6], &mut Rng::new(1))
        .unwrap();
    let network = Sequential::input(&[4, 6, 6])
        .then("sum", sum)
        .build(1)
        .unwrap();
    let figure = network.diagram().unwrap();
    assert_eq!(figure.svg().unwrap().matches("<circle").count(), 2);
}

#[test]
fn a_model_shows_both_networks_and_what_is_between_them() {
    let figure = Vae::dense(40, 2, 1).unwrap().diagram().unwrap();
    let places = ["encoder", "Sampling", "decoder"].map(|part| place(&figure, part));
    assert!(places.is_sorted(), "{places:?}");
    let autoencoder = Autoencoder::basic(32, Activation::Relu, 1).unwrap();
    let figure = autoencoder.diagram().unwrap();
    assert!(place(&figure, "encoder") < place(&figure, "decoder"));
}

#[test]
fn what_is_too_wide_goes_on_in_a_second_row() {
    let figure = VaeArchitecture::inf395(2)
        .build(1)
        .unwrap()
        .diagram()
        .unwrap();
    assert!(place(&figure, "decoder") < place(&figure, "encoder") + 300.0);
    let (width, _) = figure.plot().size(Theme::Page.room());
    assert!(width <= Theme::Page.room().sheet, "{width}");
}

#[test]
fn texts_lie_inside_the_figure_in_every_theme() {
    for theme in [Theme::Page, Theme::Dark, Theme::Projector] {
        let figure = Vae::dense(40, 2, 1).unwrap().diagram().unwrap();
        let svg = figure.theme(theme).svg().unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let view = document.root_element().attribute("viewBox").unwrap();
        let width: f64 = view.split(' ').nth(2).unwrap().parse().unwrap();
        // Names of layers read upwards and have no x; all others are set in their middle.
        let texts = document
            .descendants()
            .filter(|node| node.has_tag_name("text"));
        let mut level = 0;
        for node in texts {
            let Some(x) = node.attribute("x") else {
                continue;
            };
            level += 1;
            let (text, x): (&str, f64) = (node.text().unwrap(), x.parse().unwrap());
            let size = node.attribute("font-size").unwrap().parse().unwrap();
            let half = super::super::style::text_width(text, size) / 2.0;
            assert!(half < x && x + half < width, "{text} at {x} of {width}");
        }
        assert!(level > 8, "{level}");
    }
}

/// How much smaller than its own size a slide shows a figure.
fn shrunk(figure: &Figure) -> f64 {
    let room = Theme::Projector.room();
    let (width, height) = figure.plot().size(room);
    (width / room.sheet).max(height / room.view)
}

#[test]
fn a_diagram_is_large_on_a_slide() {
    let network = crate::models::fully_convolutional([3, 32, 32])
        .build(1)
        .unwrap();
    let figure = network.diagram().unwrap();
    assert!(shrunk(&figure) < 2.0, "{}", shrunk(&figure));

    let mut lanes = Parallel::concat(1);
    for name in ["lemma", "end", "shape"] {
        lanes = lanes.branch(name, Dense::units(32));
    }
    let network = Sequential::input(&[8])
        .then("columns", lanes)
        .then("reader", Dense::units(200))
        .then("drop", Dropout::rate(0.2))
        .then("tags", Dense::units(18));
    let figure = network.build(1).unwrap().diagram().unwrap();
    assert!(shrunk(&figure) < 2.0, "{}", shrunk(&figure));
    assert!(figure.theme(Theme::Projector).png().is_ok());
}
