"""Why a lead has its score: the ledger of changes, and what leaving something out would change."""
