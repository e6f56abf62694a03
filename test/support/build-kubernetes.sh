# Builds a Kubernetes control plane 1.34.2 with its etcd, kwok 0.7.0 (which plays the nodes and the pods) and helm 3.19.0
# into $CACHE/bin/kubernetes-1.34.2. One module for all: they share most of their packages, which are compiled once.
set -e
source_of() { go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }

folder=$CACHE/build/kubernetes
rm -rf "$folder"
mkdir -p "$folder/bin" "$CACHE/bin"
cd "$folder"
kubernetes=$(source_of k8s.io/kubernetes@v1.34.2)
# kwok is a version of the API behind, and names by a constant what has lost it
cp -r "$(source_of sigs.k8s.io/kwok@v0.7.0)" kwok
chmod -R u+w kwok
sed -i 's#metav1.InitialEventsListBlueprintAnnotationKey#"kubernetes.io/initial-events-list-blueprint"#' kwok/pkg/utils/informer/informer.go
{
  printf 'module parts\n\ngo 1.25.0\n\nrequire (\n'
  printf '\tk8s.io/kubernetes v1.34.2\n\tgo.etcd.io/etcd/server/v3 v3.6.6\n\tsigs.k8s.io/kwok v0.7.0\n\thelm.sh/helm/v3 v3.19.0\n)\n\nreplace (\n'
  printf '\tsigs.k8s.io/kwok => ./kwok\n'
  # the staging folders of its own repository are published as modules of their own
  sed -n 's#^\t*\(k8s.io/[a-z-]*\) => ./staging/.*#\t\1 => \1 v0.34.2#p' "$kubernetes/go.mod"
  printf ')\n'
} > go.mod
go get -tool k8s.io/kubernetes/cmd/kube-apiserver@v1.34.2 k8s.io/kubernetes/cmd/kube-controller-manager@v1.34.2 \
  k8s.io/kubernetes/cmd/kube-scheduler@v1.34.2 go.etcd.io/etcd/server/v3@v3.6.6 sigs.k8s.io/kwok/cmd/kwok@v0.7.0 \
  helm.sh/helm/v3/cmd/helm@v3.19.0
go build -ldflags '-s -w -X k8s.io/component-base/version.gitVersion=v1.34.2' -o bin/ \
  k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kube-scheduler
go build -o bin/etcd go.etcd.io/etcd/server/v3
go build -o bin/ sigs.k8s.io/kwok/cmd/kwok helm.sh/helm/v3/cmd/helm
rm -rf "$CACHE/bin/kubernetes-1.34.2"
mv bin "$CACHE/bin/kubernetes-1.34.2"
rm -rf "$folder"
