"""What a business's leads are and how they are asked about, as data: `domain.toml`, packs."""
