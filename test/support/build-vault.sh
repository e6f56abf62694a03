# Builds Vault 1.21.4 with its built-in engines only, into $CACHE/bin. Its release was made with a state of its own sdk
# that was never published: the nearest published one is taken, and the two places that differ are made to fit.
set -e
source_of() { go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }

folder=$CACHE/build/vault
rm -rf "$folder"
mkdir -p "$folder" "$CACHE/bin"
cp -r "$(source_of github.com/hashicorp/vault@v1.21.4)" "$folder/vault"
cp -r "$(source_of github.com/hashicorp/vault/sdk@v0.21.0)" "$folder/sdk"
chmod -R u+w "$folder"
cd "$folder/vault"
sed -i 's/ActivationFunc func(context.Context, \*logical.Request, string) error/ActivationFunc func(context.Context, *logical.Request) error/' ../sdk/framework/backend.go
sed -i 's/restoredKeyName, err := b.lm/restoredKeyName, err := keyName, b.lm/' builtin/logical/transit/path_restore.go
go mod edit -replace github.com/hashicorp/vault/sdk=../sdk
for published in api api/auth/approle api/auth/kubernetes api/auth/userpass; do
  go mod edit -dropreplace "github.com/hashicorp/vault/$published"
done
go build -mod=mod -tags minimal -o "$CACHE/bin/vault-1.21.4" .
rm -rf "$folder"
