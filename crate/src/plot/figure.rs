//! The figure every plot returns.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Plot;
use super::canvas::{Area, Canvas, Drawn, Image, Surface};
use super::raster::Raster;
use super::style::{self, MARGIN, MAX_SIDE, TITLE_TEXT, units};
use super::svg::{Sheet, Svg};
use super::theme::{Room, Theme, Themed};
use crate::files::write_atomically;
use crate::notebook::{self, Contents};
use crate::{Error, Result};

/// Height of one line of the title.
const TITLE_LINE: f64 = TITLE_TEXT * 1.4;

/// A figure. A notebook shows it as the last expression of a cell, and [`save`](Self::save) writes
/// it to a file.
///
/// It owns its data, so a cell can keep it in a variable, and cloning it is cheap. The same figure
/// always gives the same bytes.
///
/// ```
/// use cuaderno::plot::image_grid;
/// use cuaderno::prelude::*;
///
/// let images = Rng::new(6202).uniform(0.0, 1.0, &[6, 1, 28, 28])?;
/// let figure = image_grid(&images, 3)?.title("Six images of noise");
/// assert!(figure.svg()?.contains("Six images of noise"));
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone)]
pub struct Figure {
    title: String,
    plot: Arc<dyn Plot>,
    theme: Theme,
}

impl Figure {
    /// A figure of `plot`, without a title.
    ///
    /// # Errors
    /// If the figure would be larger than [`MAX_SIDE`] logical pixels on a side. `plot_name` is the
    /// function that the error names.
    pub(super) fn new(plot_name: &'static str, plot: impl Plot + 'static) -> Result<Self> {
        let theme = Theme::current();
        let (width, height) = plot.size(theme.room());
        if width.max(height) > MAX_SIDE {
            return Err(Error::shape(
                plot_name,
                format!(
                    "the figure would be {width:.0} x {height:.0} pixels, but {MAX_SIDE:.0} is \
                     the most on a side; show fewer, for example images.narrow(0, 0, 20)?."
                ),
            ));
        }
        Ok(Self {
            title: String::new(),
            plot: Arc::new(plot),
            theme,
        })
    }

    /// Sets the title above the figure.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Draws the figure in another theme than the one that was set when it was made.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let losses = [("loss", vec![(1.0, 0.3), (2.0, 0.2)])];
    /// let figure = line_chart("epoch", "loss", &losses)?.theme(Theme::Dark);
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    #[must_use]
    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }

    /// The figure as a PNG file in memory, with two pixels per logical pixel (192 dots per inch).
    pub fn png(&self) -> Result<Vec<u8>> {
        Ok(self.image()?.to_png())
    }

    /// The pixels of the PNG file.
    pub(super) fn image(&self) -> Result<Image> {
        let mut raster = Raster::new(self.size(), self.paper());
        self.draw(&mut raster)?;
        Ok(raster.into_image())
    }

    /// The figure as an SVG document.
    pub fn svg(&self) -> Result<String> {
        let sheet = Sheet {
            size: self.size(),
            enlargement: self.theme.enlargement(),
            paper: self.paper(),
        };
        let mut svg = Svg::new(sheet, &self.title);
        self.draw(&mut svg)?;
        Ok(svg.finish())
    }

    /// Writes the figure to `path`, as PNG or SVG depending on the extension. Missing folders are
    /// created, and the file is written as a whole or not at all.
    ///
    /// # Errors
    /// If the extension is another one, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        match extension.to_lowercase().as_str() {
            "png" => write_atomically(path, &self.png()?),
            "svg" => write_atomically(path, self.svg()?.as_bytes()),
            _ => Err(Error::argument(
                "the name of a figure's file",
                format!("{path:?}"),
                "one that ends in .png or .svg",
            )),
        }
    }

    /// Shows the figure in a notebook immediately, between what the cell prints before and after.
    pub fn show(&self) -> Result<()> {
        notebook::show(self.contents()?, None);
        Ok(())
    }

    /// Shows the figure as the value of a notebook's cell; the engine calls this for a cell's last
    /// expression.
    ///
    /// Line art is sent as SVG and PNG, of which the notebook shows the SVG. Images, figures with
    /// many points and wide figures are sent as PNG only.
    pub fn evcxr_display(&self) {
        match self.contents() {
            Ok(contents) => notebook::show_as_value(contents),
            Err(error) => println!("The figure cannot be shown: {error}"),
        }
    }

    /// The representations of the figure in a notebook.
    pub(crate) fn contents(&self) -> Result<Contents> {
        let mut contents = Contents::new("image/png", STANDARD.encode(self.png()?));
        contents.size = Some(self.shown_size());
        // On a narrower page, JupyterLab shrinks a PNG but gives an SVG a scroll bar.
        if self.plot.is_line_art() && self.size().0 <= self.theme.room().sheet {
            contents = contents.with("image/svg+xml", self.svg()?);
        }
        Ok(contents)
    }

    /// Width and height in a notebook, in its pixels.
    pub(super) fn shown_size(&self) -> [u32; 2] {
        let (width, height) = self.size();
        let shown = |length: f64| (self.theme.enlargement() * length).round() as u32;
        [shown(width), shown(height)]
    }

    fn size(&self) -> (f64, f64) {
        let room = self.theme.room();
        let (width, height) = self.plot.size(room);
        (width, height + self.title_height(room))
    }

    fn paper(&self) -> RGBColor {
        self.theme.color(style::PAPER)
    }

    fn draw(&self, surface: &mut dyn Surface) -> Result<()> {
        let (room, theme) = (self.theme.room(), self.theme);
        let mut themed = Themed { surface, theme };
        let area = Canvas::area(&mut themed, self.size());
        self.draw_on(&area, room, self.title_height(room))
            .map_err(|error| Error::Figure(error.to_string()))
    }

    /// Draws the figure at the size it takes in that room, with its plot
    /// `title_height` below the upper edge of the area.
    pub(super) fn draw_on(&self, area: &Area, room: Room, title_height: f64) -> Drawn {
        let (above, below) = area.split_vertically(units(title_height));
        self.draw_title(&above, room)?;
        self.plot.draw(&below, room)
    }

    pub(super) fn title_height(&self, room: Room) -> f64 {
        match self.title_lines(room).len() {
            0 => 0.0,
            lines => MARGIN + lines as f64 * TITLE_LINE,
        }
    }

    pub(super) fn plot(&self) -> &dyn Plot {
        self.plot.as_ref()
    }

    fn title_lines(&self, room: Room) -> Vec<String> {
        let width = self.plot.size(room).0;
        style::wrap(&self.title, TITLE_TEXT, width - 2.0 * MARGIN)
    }

    fn draw_title(&self, area: &Area, room: Room) -> Drawn {
        let text = style::text(TITLE_TEXT).pos(Pos::new(HPos::Center, VPos::Center));
        let middle = units(self.plot.size(room).0 / 2.0);
        for (index, line) in self.title_lines(room).iter().enumerate() {
            let y = MARGIN + (index as f64 + 0.5) * TITLE_LINE;
            area.draw_text(line, &text, (middle, units(y)))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Figure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (width, height) = self.size();
        write!(f, "Figure {:?}, {width} x {height} pixels", self.title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use crate::plot::{image_grid, line_chart};

    fn noise() -> Figure {
        let images = Rng::new(6202).uniform(0.0, 1.0, &[6, 1, 28, 28]).unwrap();
        image_grid(&images, 3)
            .unwrap()
            .title("Noise <in> \"grey\" & black")
    }

    #[test]
    fn the_png_has_two_pixels_to_a_logical_one() {
        let figure = noise();
        let (width, height) = figure.size();
        let image = Image::from_png(&figure.png().unwrap());
        assert_eq!(image.width as f64, 2.0 * width);
        assert_eq!(image.height as f64, 2.0 * height);
        assert_eq!(
            image.at(0, 0),
            [255; 3],
            "the page is white, not transparent"
        );
    }

    #[test]
    fn the_svg_is_well_formed_and_holds_the_title() {
        let svg = noise().svg().unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let texts: Vec<_> = document
            .descendants()
            .filter(|node| node.has_tag_name("text"))
            .filter_map(|node| node.text())
            .collect();
        assert_eq!(texts, ["Noise <in> \"grey\" & black"]);
        let images = document
            .descendants()
            .filter(|node| node.has_tag_name("image"));
        assert_eq!(images.count(), 6);
    }

    #[test]
    fn a_title_takes_room_of_its_own() {
        let (_, with) = noise().size();
        let (_, without) = noise().title("").size();
        let (_, long) = noise().title("many words ".repeat(20)).size();
        assert!(without < with && with < long);
    }

    #[test]
    fn the_same_figure_is_the_same_bytes() {
        assert_eq!(noise().png().unwrap(), noise().png().unwrap());
        assert_eq!(noise().svg().unwrap(), noise().svg().unwrap());
    }

    #[test]
    fn a_figure_is_saved_by_its_extension() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        noise().save(path("runs/noise.PNG")).unwrap();
        noise().save(path("noise.svg")).unwrap();
        assert_eq!(
            std::fs::read(path("runs/noise.PNG")).unwrap(),
            noise().png().unwrap()
        );
        assert_eq!(
            std::fs::read_to_string(path("noise.svg")).unwrap(),
            noise().svg().unwrap()
        );
        for name in ["noise.jpg", "noise"] {
            let error = noise().save(path(name)).unwrap_err().to_string();
            assert!(
                error.contains(name) && error.contains(".png or .svg"),
                "{error}"
            );
            assert!(!path(name).exists());
        }
    }

    #[test]
    fn a_notebook_gets_images_as_png() {
        let contents = noise().contents().unwrap();
        assert_eq!(contents.by_type.len(), 1);
        let png = STANDARD.decode(&contents.by_type["image/png"]).unwrap();
        assert_eq!(png, noise().png().unwrap());
        let (width, height) = noise().size();
        assert_eq!(contents.size, Some([width, height].map(|side| side as u32)));
    }

    #[test]
    fn a_notebook_gets_line_art_as_svg_and_as_png() {
        struct Dot {
            width: f64,
        }
        impl Plot for Dot {
            fn size(&self, _: Room) -> (f64, f64) {
                (self.width, 10.0)
            }
            fn is_line_art(&self) -> bool {
                true
            }
            fn draw(&self, area: &Area, _: Room) -> Drawn {
                area.draw_text("a dot", &style::text(TITLE_TEXT), (0, 0))
            }
        }
        let contents = |width| {
            Figure::new("dot", Dot { width })
                .unwrap()
                .contents()
                .unwrap()
        };
        assert!(
            !contents(style::WIDTH + 1.0)
                .by_type
                .contains_key("image/svg+xml")
        );
        let contents = contents(20.0).by_type;
        let (png, svg) = (&contents["image/png"], &contents["image/svg+xml"]);
        assert_eq!(Image::from_png(&STANDARD.decode(png).unwrap()).width, 40);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"), "{svg}");
        assert!(svg.contains(">a dot</text>"), "{svg}");
    }

    /// What an SVG says of its page, and of its largest and smallest text.
    fn look(figure: &Figure) -> (f64, f64, Vec<f64>, String) {
        let svg = figure.svg().unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let root = document.root_element();
        let shown: f64 = root.attribute("width").unwrap().parse().unwrap();
        let laid_out = root
            .attribute("viewBox")
            .unwrap()
            .split(' ')
            .nth(2)
            .unwrap();
        let sizes = (document.descendants())
            .filter_map(|node| node.attribute("font-size"))
            .map(|size| size.parse().unwrap())
            .collect();
        let paper = document
            .descendants()
            .find(|node| node.has_tag_name("rect"));
        let paper = paper.and_then(|rect| rect.attribute("fill")).unwrap();
        (shown, laid_out.parse().unwrap(), sizes, paper.to_owned())
    }

    #[test]
    fn a_projector_has_larger_type_on_a_page_of_the_same_width() {
        let curve = [("loss", vec![(1.0, 0.3), (2.0, 0.2)])];
        let chart = line_chart("epoch", "loss", &curve).unwrap().title("Loss");
        let [page, dark, projector] = [Theme::Page, Theme::Dark, Theme::Projector]
            .map(|theme| look(&chart.clone().theme(theme)));
        assert_eq!(page.0, projector.0);
        let smallest = |(shown, laid_out, sizes, _): &(f64, f64, Vec<f64>, String)| {
            sizes.iter().copied().fold(f64::INFINITY, f64::min) * shown / laid_out
        };
        assert_eq!(smallest(&projector), 1.5 * smallest(&page));
        assert_eq!(smallest(&dark), smallest(&page));
        assert_eq!(
            [page.3, dark.3, projector.3],
            ["#ffffff", "#111111", "#ffffff"]
        );
        let png = chart.theme(Theme::Dark).png().unwrap();
        assert_eq!(Image::from_png(&png).at(0, 0), [0x11; 3]);
    }

    #[test]
    fn a_cell_can_keep_a_figure_and_send_it_to_a_thread() {
        fn keepable<T: Clone + Send + Sync + 'static>(_: &T) {}
        keepable(&noise());
        assert!(format!("{:?}", noise()).starts_with("Figure \"Noise"));
    }
}
