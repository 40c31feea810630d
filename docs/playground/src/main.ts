import { App } from "./app";
import { Page } from "./ui/page";
import { read } from "./url";
import "./style.css";

const { settings, steps, tab } = read(location.hash);
new Page(new App(settings, steps), tab);
