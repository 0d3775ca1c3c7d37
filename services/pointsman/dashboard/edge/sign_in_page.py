"""The page that asks for the key: a plain form, so that nothing of the dashboard is loaded before the key is shown."""

from html import escape
from string import Template
from urllib.parse import quote

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#1f5f8b"/>'
    '<path d="M3 13V3M3 9.5C8 9.5 12 8 12.5 3" fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round"/></svg>'
)
STYLES_PATH = "/static/dashboard.css"
PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · Pointsman</title>
<link rel="icon" href="$icon">
<link rel="stylesheet" href="$styles">
</head>
<body class="sign-in">
<main>
<h1>Pointsman</h1>
<form method="post" action="/sign-in">
<input name="username" autocomplete="username" value="dashboard" hidden>
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
    return PAGE.substitute(icon=f"data:image/svg+xml,{quote(ICON)}", styles=STYLES_PATH, problem=line)
