// A provider for Terraform and OpenTofu whose world is a folder, as that of tests/support/extensions/providers/folder
// is for prov: a thing is a file, and takes as long.  What it did can be counted from outside.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	providerschema "github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type folder struct {
	Dir    types.String `tfsdk:"dir"`
	Slow   types.String `tfsdk:"slow"`
	Unique types.Bool   `tfsdk:"unique"`
}

func (*folder) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "folder"
}

func (*folder) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = providerschema.Schema{Attributes: map[string]providerschema.Attribute{
		"dir":    providerschema.StringAttribute{Required: true, Description: "Where"},
		"slow":   providerschema.StringAttribute{Required: true, Description: "Pause between the effect of a create and its answer"},
		"unique": providerschema.BoolAttribute{Optional: true, Description: "The label is the id, and there can be one of it; else the id is random"},
	}}
}

func (f *folder) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	resp.Diagnostics.Append(req.Config.Get(ctx, f)...)
	resp.ResourceData = f
}

func (*folder) DataSources(context.Context) []func() datasource.DataSource { return nil }

func (*folder) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &thing{} }}
}

type thing struct{ folder *folder }

type model struct {
	ID    types.String `tfsdk:"id"`
	Label types.String `tfsdk:"label"`
}

func (*thing) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "folder_thing"
}

func (*thing) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"id": schema.StringAttribute{Computed: true,
			PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}},
		"label": schema.StringAttribute{Required: true,
			PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}},
	}}
}

func (t *thing) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	t.folder, _ = req.ProviderData.(*folder)
}

func (t *thing) path(m model) string {
	return filepath.Join(t.folder.Dir.ValueString(), m.ID.ValueString())
}

// failed adds what went wrong outside, if anything did, and says whether it did.
func failed(diags *diag.Diagnostics, what string, err error) bool {
	if err != nil {
		diags.AddError(what, err.Error())
	}
	return err != nil
}

func (t *thing) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	slow, err := time.ParseDuration(t.folder.Slow.ValueString())
	if failed(&resp.Diagnostics, "read slow", err) || resp.Diagnostics.HasError() {
		return
	}
	m.ID = types.StringValue(rand.Text())
	if t.folder.Unique.ValueBool() {
		m.ID = m.Label
	}
	file, err := os.OpenFile(t.path(m), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if failed(&resp.Diagnostics, "create thing", err) {
		return
	}
	_, err = file.WriteString(m.Label.ValueString())
	if failed(&resp.Diagnostics, "write thing", errors.Join(err, file.Sync(), file.Close())) {
		return
	}
	time.Sleep(slow)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func (t *thing) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m model
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	text, err := os.ReadFile(t.path(m))
	if errors.Is(err, fs.ErrNotExist) {
		resp.State.RemoveResource(ctx)
	} else if !failed(&resp.Diagnostics, "read thing", err) {
		m.Label = types.StringValue(string(text))
		resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	}
}

// Update is never called: another label is another thing.
func (*thing) Update(_ context.Context, _ resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.Diagnostics.AddAttributeError(path.Root("label"), "update thing", "nothing of it can change")
}

func (t *thing) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m model
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if err := os.Remove(t.path(m)); !errors.Is(err, fs.ErrNotExist) {
		failed(&resp.Diagnostics, "delete thing", err)
	}
}

func main() {
	err := providerserver.Serve(context.Background(), func() provider.Provider { return &folder{} },
		providerserver.ServeOpts{Address: "bench.invalid/prov/folder"})
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}
