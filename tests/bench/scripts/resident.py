report(start__resident=[status("VmHWM") / 1000])
