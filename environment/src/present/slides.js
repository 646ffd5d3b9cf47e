// The type of a slide that holds too much becomes smaller until all of it is seen.
function fit() {
  const page = Reveal.getCurrentSlide()?.querySelector(".page");
  if (!page) return;
  const overflows = () =>
    page.scrollHeight > page.clientHeight || page.scrollWidth > page.clientWidth;
  for (let size = 28; size > 12 && overflows(); size--) {
    page.style.fontSize = size + "px";
  }
}
Reveal.on("ready", fit);
Reveal.on("slidechanged", fit);
Reveal.initialize({
  width: 1280, height: 720, margin: 0, center: false, hash: true, slideNumber: "c/t",
  transition: "none", controls: false, plugins: [RevealNotes],
});
