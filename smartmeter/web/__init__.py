"""The page in the browser and its API, served by the daemon itself."""
