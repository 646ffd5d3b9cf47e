//! The workbook's own types where other libraries take names, or a value is put together by hand.

use ra_ap_syntax::ast::{self, AstNode};

use super::{Advice, Problem, Rule, quoted};

pub const RULES: &[Rule] = &[activation, labelled_images];

/// The activations, as one writes them.
const ACTIVATIONS: [&str; 13] = [
    "Linear",
    "Relu",
    "Relu6",
    "LeakyRelu { negative_slope: 0.01 }",
    "Elu { alpha: 1.0 }",
    "Selu",
    "Gelu",
    "GeluTanh",
    "Sigmoid",
    "BipolarSigmoid",
    "Tanh",
    "Softplus",
    "Step",
];

/// `"relu"` or `Activation::ReLU`
fn activation(problem: &Problem) -> Option<Advice> {
    let is_text = || {
        let (expected, found) = problem.types()?;
        let name = problem.text().trim_matches('"');
        (expected.ends_with("Activation") && found == "&str").then_some(name)
    };
    let is_variant = || {
        let names = quoted(&problem.error.message);
        let is = problem.is(&["E0599"]) && names.last()?.ends_with("Activation");
        is.then(|| problem.text())
    };
    let name = is_text().or_else(is_variant)?;
    let plain = |name: &str| name.to_lowercase().replace(['_', '-', ' '], "");
    let all: Vec<String> = ACTIVATIONS
        .iter()
        .map(|variant| format!("`{variant}`"))
        .collect();
    let advice = Advice::new(format!(
        "an activation is one of `Activation::…`: {}.",
        all.join(", ")
    ));
    let wanted = match plain(name).as_str() {
        "none" | "identity" => "linear".to_owned(),
        "swish" | "silu" => return Some(advice),
        other => other.to_owned(),
    };
    let same = |variant: &&&str| plain(variant.split(' ').next().unwrap_or_default()) == wanted;
    Some(match ACTIVATIONS.iter().find(same) {
        Some(variant) if problem.text().starts_with('"') => {
            advice.edit(problem.at.clone(), format!("Activation::{variant}"))
        }
        Some(variant) => advice.edit(problem.at.clone(), *variant),
        None => advice,
    })
}

/// `LabelledImages { images, labels }`
fn labelled_images(problem: &Problem) -> Option<Advice> {
    let literal = problem.around::<ast::RecordExpr>()?;
    let kind = literal.path()?.syntax().text().to_string();
    if !problem.is(&["E0639"]) || kind.rsplit("::").next() != Some("LabelledImages") {
        return None;
    }
    let advice = Advice::new(
        "`LabelledImages::new(images, labels)?` makes one: it checks that there are as many labels as \
         images.",
    )
    .says("`LabelledImages` is not put together from its fields");
    let fields = literal.record_expr_field_list()?;
    let value = |name: &str| {
        let mut fields = fields.fields();
        let field =
            fields.find(|field| field.field_name().is_some_and(|found| found.text() == name))?;
        Some(problem.text_of(field.expr()?.syntax()))
    };
    let (Some(images), Some(labels)) = (value("images"), value("labels")) else {
        return Some(advice);
    };
    let made = format!("{kind}::new({images}, {labels})?");
    Some(advice.edit(problem.range_of(literal.syntax()), made))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_activations_are_those_of_the_crate() {
        let source = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../crate/src/ops/activation.rs"
        );
        let source = std::fs::read_to_string(source).unwrap();
        let (_, variants) = source.split_once("pub enum Activation {\n").unwrap();
        let (variants, _) = variants.split_once("\n}").unwrap();
        let names = variants
            .lines()
            .filter(|line| line.starts_with(' ') && !line.starts_with("     "))
            .filter_map(|line| line.trim().strip_suffix([',', '{']))
            .map(str::trim);
        let known = ACTIVATIONS
            .iter()
            .map(|name| name.split(' ').next().unwrap());
        assert!(
            names.clone().filter(|name| *name != "}").eq(known),
            "{:?}",
            names.collect::<Vec<_>>()
        );
    }
}
