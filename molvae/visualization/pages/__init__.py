"""HTML pages, one file each: the latent map (``map``), and the template of all pages (``template``, ``assets``)."""
