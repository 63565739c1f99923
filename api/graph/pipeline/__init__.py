"""What came from the CRM. Its enums are described before anything names them."""

import api.graph.pipeline.enums  # noqa: F401
