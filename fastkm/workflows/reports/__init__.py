"""Results as pages for a browser: what a page shows is gathered here, and drawn by `fastkm.html_report`."""
