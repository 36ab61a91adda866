// The page's beginning: styles, the one live connection, and the view of the address.
import { render } from "preact";
import { App } from "./shell/app.tsx";
import { connect } from "./data/live.ts";
import { keepRecent } from "./stream/recent.ts";
import "./style/base.css";
import "./style/run.css";
import "./style/dialogs.css";

keepRecent();
void connect();
render(<App />, document.querySelector("#page")!);
