"""The page that asks for the key: a plain form, so that nothing of the dashboard is loaded before the key is shown."""

from html import escape
from string import Template

STYLES_PATH = "/static/dashboard.css"
PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · Pointsman</title>
<link rel="stylesheet" href="$styles">
</head>
<body class="sign-in">
<main>
<h1>Pointsman</h1>
<form method="post" action="/sign-in">
<label for="key">Key of the dashboard</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus aria-describedby="help">
<button type="submit">Open the dashboard</button>
$problem
<p id="help">POINTSMAN_DASHBOARD_KEY, or POINTSMAN_ADMIN_KEY where that is not set.</p>
</form>
</main>
</body>
</html>
""")


def sign_in_page(problem: str | None = None) -> str:
    """The page. problem: why the last try was refused."""
    line = "" if problem is None else f'<p class="problem" role="alert">{escape(problem)}</p>'
    return PAGE.substitute(styles=STYLES_PATH, problem=line)
