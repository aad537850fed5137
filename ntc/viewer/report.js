for (const slider of document.querySelectorAll("input")) {
  const pair = slider.previousElementSibling;
  const cut = () => pair.style.setProperty("--cut", `${slider.value}%`);
  slider.addEventListener("input", cut);
  cut();
}
