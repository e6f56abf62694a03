# Builds Vault 1.21.4 with its built-in engines only, into $CACHE/bin. Its release was made with a state of its own sdk
# that was never published: the nearest published one is taken, and the two places that differ are made to fit.
set -e
source_of() { go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }

folder=$CACHE/build/vault
rm -rf "$folder"
mkdir -p "$folder" "$CACHE/bin"
cp -r "$(source_of github.com/hashicorp/vault@v1.21.4)" "$folder/vault"
cp -r "$(source_of github.com/hashicorp/vault/sdk@v0.21.0)" "$folder/sdk"
cp -r "$(source_of github.com/hashicorp/go-discover@v1.1.1-0.20250922102917-55e5010ad859)" "$folder/go-discover"
chmod -R u+w "$folder"
cd "$folder/vault"
sed -i 's/ActivationFunc func(context.Context, \*logical.Request, string) error/ActivationFunc func(context.Context, *logical.Request) error/' ../sdk/framework/backend.go
sed -i 's/restoredKeyName, err := b.lm/restoredKeyName, err := keyName, b.lm/' builtin/logical/transit/path_restore.go
# what finds its peers in somebody's cloud, or asks Okta, is half of what would be compiled, and of no use here
sed -i '/go-discover\/provider\//d; /\.Provider{},$/d' ../go-discover/discover.go
sed -i '/discoverk8s/d' vault/raft.go
sed -i -e '/^func (c \*Core) validateOkta(/,/^}/ { /^func\|^}/! d }' -e '/okta-sdk-golang/d' -e '/^\t"regexp"$/d' \
  -e 's/^func (c \*Core) validateOkta(.*/&\n\treturn errors.New("not in this build")/' vault/login_mfa.go
go mod edit -replace github.com/hashicorp/vault/sdk=../sdk -replace github.com/hashicorp/go-discover=../go-discover
for published in api api/auth/approle api/auth/kubernetes api/auth/userpass; do
  go mod edit -dropreplace "github.com/hashicorp/vault/$published"
done
go build -mod=mod -tags minimal -o "$CACHE/bin/vault-1.21.4" .
rm -rf "$folder"
