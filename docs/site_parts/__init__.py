"""Parts of the site's build: each makes pages from what the repository already says."""
