(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let drawn = [];
  const draw = () => {
    drawn.forEach((chart) => chart.dispose());
    drawn = [...document.querySelectorAll(".chart")].map((element) => {
      const options = JSON.parse(element.querySelector("script").textContent);
      const place = element.querySelector("div");
      const chart = echarts.init(place, dark.matches ? "dark" : null, { renderer: "svg" });
      chart.setOption({ backgroundColor: "transparent", animation: false, ...options });
      return chart;
    });
  };
  draw();
  dark.addEventListener("change", draw);
  addEventListener("resize", () => drawn.forEach((chart) => chart.resize()));
})();
