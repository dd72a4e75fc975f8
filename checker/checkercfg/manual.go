package checkercfg

import (
	"embed"

	"keepalived/core/config"
)

//go:embed help/*.txt
var help embed.FS

// Manual returns the help for the keywords of this package.
func Manual() config.Manual { return config.ReadManual(help) }
