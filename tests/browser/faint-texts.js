// Run in the page: the texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, 1.4.3).

function channelsOf(color) {
  return (color.match(/[\d.]+/g) ?? []).map(Number)
}

function luminance(color) {
  const [red, green, blue] = channelsOf(color)
    .map((channel) => channel / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function backOf(element) {
  const { backgroundColor } = getComputedStyle(element)
  const isTransparent = channelsOf(backgroundColor)[3] === 0
  return isTransparent && element.parentElement !== null ? backOf(element.parentElement) : backgroundColor
}

function contrastOf(element) {
  const luminances = [getComputedStyle(element).color, backOf(element)].map(luminance)
  return (Math.max(...luminances) + 0.05) / (Math.min(...luminances) + 0.05)
}

function hasText(element) {
  return [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '')
}

Array.from(document.body.querySelectorAll('*'))
  .filter((element) => element.checkVisibility() && hasText(element) && !element.matches(':disabled'))
  .filter((element) => contrastOf(element) < 4.5)
  .map((element) => `${element.textContent} ${contrastOf(element).toFixed(2)}`)
