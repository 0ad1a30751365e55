// Before the first paint: what needs the script is shown, and the theme chosen last time is there.
document.documentElement.classList.add("js");
try {
  var chosen = localStorage.getItem("spm-bench-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch (error) { /* a browser that keeps nothing for files: the system's theme */ }
