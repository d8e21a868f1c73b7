import pathlib
import shutil
import subprocess
import sys
import tempfile

from function_url import HTTP_FUNCTION, url_run
from sandbox import PATIENCE_S, contains, equal

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
if not CHROMIUM:
    sys.exit(77)

# A page of the function that calls: the Invoke API in three ways that need no
# leave, and the URL under another origin. What came of each is in its title.
ATTACK = """<!doctype html><title>running</title><script>
const api = "http://127.0.0.1:API/2015-03-31/functions/f/invocations", other = "OTHER";
const call = (url, how) => fetch(url, how).then(r => r.type + r.status, () => "refused");
(async () => {
  const got = [await call(api, {method: "POST", body: "{}"}),
               await call(api, {method: "POST", body: "{}", mode: "no-cors"}),
               await call(api, {method: "POST", body: "{}", headers: {"Content-Type": "application/json"}}),
               await call(location.origin + "/string"),
               await call(other + "/string", {method: "PUT", headers: {"X-A": "1"}})];
  document.title = "done " + got.join(" ");
})();
</script>"""


def page(url, folder):
    """The page as it is once its script has run."""
    done = subprocess.run([CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                           f"--user-data-dir={folder}", "--no-first-run", "--virtual-time-budget=10000", "--dump-dom",
                           url], text=True, capture_output=True, timeout=4 * PATIENCE_S, stdin=subprocess.DEVNULL)
    equal((done.returncode, done.stderr[-500:] if done.returncode else ""), (0, ""))
    return done.stdout


with tempfile.TemporaryDirectory() as folder, \
        url_run("--cors", "*", command=HTTP_FUNCTION, variables={"ATTACK": folder + "/attack.html"}) as (env, url):
    contains(page(url + "/page", folder + "/profile"), "<title>of the function</title>")
    # The same machine by another name is another origin.
    other = url.replace("127.0.0.1", "localhost")
    attack = ATTACK.replace("API", str(env.port)).replace("OTHER", other)
    pathlib.Path(folder, "attack.html").write_text(attack)
    contains(page(url + "/attack", folder + "/profile"),
             "<title>done refused opaque0 refused basic200 cors200</title>")
    # The preflight was not the function's, nor was any call of the API.
    calls = [line for line in env.output().splitlines() if line.startswith("called") and "favicon" not in line]
    equal(calls, ["called GET /page", "called GET /attack", "called GET /string", "called PUT /string"])
