// Before the first paint: says that scripts run, so that tabs are tabs from the start.
document.documentElement.classList.add("js");
