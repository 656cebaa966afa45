// Drives a life cycle with the official Go client of Hetzner: hetzner_go ENDPOINT PUBLIC_KEY
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
)

func must[T any](value T, _ *hcloud.Response, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func expect(what string, found, wanted any) {
	if fmt.Sprint(found) != fmt.Sprint(wanted) {
		panic(fmt.Sprintf("%s: %v, not %v", what, found, wanted))
	}
}

func main() {
	ctx := context.Background()
	text, err := os.ReadFile(os.Args[2])
	check(err)
	client := hcloud.NewClient(
		hcloud.WithEndpoint(os.Args[1]),
		hcloud.WithToken("gggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg"),
		hcloud.WithPollOpts(hcloud.PollOpts{BackoffFunc: hcloud.ConstantBackoff(20 * time.Millisecond)}),
	)
	wait := func(actions ...*hcloud.Action) { check(client.Action.WaitFor(ctx, actions...)) }

	key := must(client.SSHKey.Create(ctx, hcloud.SSHKeyCreateOpts{Name: "go-key", PublicKey: string(text)}))
	_, lan, _ := net.ParseCIDR("10.8.0.0/16")
	_, part, _ := net.ParseCIDR("10.8.1.0/24")
	network := must(client.Network.Create(ctx, hcloud.NetworkCreateOpts{
		Name: "go-net", IPRange: lan,
		Subnets: []hcloud.NetworkSubnet{{Type: hcloud.NetworkSubnetTypeCloud, IPRange: part, NetworkZone: "eu-central"}},
	}))
	_, all, _ := net.ParseCIDR("0.0.0.0/0")
	firewall := must(client.Firewall.Create(ctx, hcloud.FirewallCreateOpts{
		Name: "go-fw",
		Rules: []hcloud.FirewallRule{{
			Direction: hcloud.FirewallRuleDirectionIn, Protocol: hcloud.FirewallRuleProtocolTCP,
			Port: hcloud.Ptr("22"), SourceIPs: []net.IPNet{*all},
		}},
	}))
	wait(firewall.Actions...)

	servers := []*hcloud.Server{}
	for _, name := range []string{"go-1", "go-2"} {
		made := must(client.Server.Create(ctx, hcloud.ServerCreateOpts{
			Name:       name,
			ServerType: &hcloud.ServerType{Name: "cx23"}, Image: &hcloud.Image{Name: "debian-12"},
			Location: &hcloud.Location{Name: "nbg1"}, SSHKeys: []*hcloud.SSHKey{key},
			Networks:  []*hcloud.Network{network},
			Firewalls: []*hcloud.ServerCreateFirewall{{Firewall: *firewall.Firewall}},
			Labels:    map[string]string{"role": "go"},
		}))
		wait(append(made.NextActions, made.Action)...)
		servers = append(servers, must(client.Server.GetByID(ctx, made.Server.ID)))
	}
	expect("status", servers[0].Status, "running")
	expect("location", servers[0].Location.Name, "nbg1")
	expect("private address", servers[1].PrivateNet[0].IP, "10.8.1.3")
	list, err := client.Server.AllWithOpts(ctx, hcloud.ServerListOpts{ListOpts: hcloud.ListOpts{LabelSelector: "role=go"}})
	check(err)
	expect("by label", len(list), 2)

	volume := must(client.Volume.Create(ctx, hcloud.VolumeCreateOpts{Name: "go-vol", Size: 10, Server: servers[0]}))
	wait(append(volume.NextActions, volume.Action)...)
	wait(must(client.Volume.Resize(ctx, volume.Volume, 20)))
	expect("volume", must(client.Volume.GetByName(ctx, "go-vol")).Size, 20)

	address := must(client.FloatingIP.Create(ctx, hcloud.FloatingIPCreateOpts{
		Name: hcloud.Ptr("go-ip"), Type: hcloud.FloatingIPTypeIPv4, Server: servers[1],
	}))
	wait(address.Action)

	primary := must(client.PrimaryIP.Create(ctx, hcloud.PrimaryIPCreateOpts{
		Name: "go-primary", Type: hcloud.PrimaryIPTypeIPv4, Location: "nbg1",
	})).PrimaryIP
	expect("assignee", primary.AssigneeType, "unassigned")
	made := must(client.LoadBalancer.Create(ctx, hcloud.LoadBalancerCreateOpts{
		Name: "go-lb", LoadBalancerType: &hcloud.LoadBalancerType{Name: "lb11"}, Location: &hcloud.Location{Name: "nbg1"},
		Network:   network,
		PublicNet: &hcloud.LoadBalancerCreateOptsPublicNet{IPv4: &hcloud.PrimaryIP{ID: primary.ID}},
	}))
	wait(made.Action)
	expect("its address", made.LoadBalancer.PublicNet.IPv4.IP, primary.IP)
	wait(must(client.LoadBalancer.AddService(ctx, made.LoadBalancer, hcloud.LoadBalancerAddServiceOpts{
		Protocol: hcloud.LoadBalancerServiceProtocolTCP, ListenPort: hcloud.Ptr(80), DestinationPort: hcloud.Ptr(8080),
	})))
	wait(must(client.LoadBalancer.AddServerTarget(ctx, made.LoadBalancer, hcloud.LoadBalancerAddServerTargetOpts{
		Server: servers[0], UsePrivateIP: hcloud.Ptr(true),
	})))

	wait(must(client.Server.Poweroff(ctx, servers[0])))
	wait(must(client.Server.ChangeType(ctx, servers[0], hcloud.ServerChangeTypeOpts{
		ServerType: &hcloud.ServerType{Name: "cx33"}, UpgradeDisk: true,
	})))
	wait(must(client.Server.Poweron(ctx, servers[0])))
	expect("resized", must(client.Server.GetByName(ctx, "go-1")).ServerType.Name, "cx33")

	zone := must(client.Zone.Create(ctx, hcloud.ZoneCreateOpts{Name: "go.example", Mode: hcloud.ZoneModePrimary}))
	wait(zone.Action)
	set := must(client.Zone.CreateRRSet(ctx, zone.Zone, hcloud.ZoneRRSetCreateOpts{
		Name: "www", Type: hcloud.ZoneRRSetTypeA, Records: []hcloud.ZoneRRSetRecord{{Value: "198.18.0.1"}},
	}))
	wait(set.Action)
	wait(must(client.Zone.SetRRSetRecords(ctx, set.RRSet, hcloud.ZoneRRSetSetRecordsOpts{
		Records: []hcloud.ZoneRRSetRecord{{Value: "198.18.0.2"}},
	})))
	found := must(client.Zone.GetRRSetByNameAndType(ctx, zone.Zone, "www", hcloud.ZoneRRSetTypeA))
	expect("records", found.Records[0].Value, "198.18.0.2")
	wait(must(client.Zone.Delete(ctx, zone.Zone)).Action)

	_, _, err = client.Server.Create(ctx, hcloud.ServerCreateOpts{
		Name: "go-2", ServerType: &hcloud.ServerType{Name: "cx23"}, Image: &hcloud.Image{Name: "debian-12"},
	})
	expect("a taken name", hcloud.IsError(err, hcloud.ErrorCodeUniquenessError), true)

	wait(must(client.LoadBalancer.DeleteWithResult(ctx, made.LoadBalancer)).Action)
	_, err = client.PrimaryIP.Delete(ctx, primary)
	check(err)
	wait(must(client.FloatingIP.Unassign(ctx, address.FloatingIP)))
	_, err = client.FloatingIP.Delete(ctx, address.FloatingIP)
	check(err)
	wait(must(client.Volume.Detach(ctx, volume.Volume)))
	_, err = client.Volume.Delete(ctx, volume.Volume)
	check(err)
	for _, server := range servers {
		wait(must(client.Server.DeleteWithResult(ctx, server)).Action)
	}
	_, err = client.Firewall.Delete(ctx, firewall.Firewall)
	check(err)
	_, err = client.Network.Delete(ctx, network)
	check(err)
	_, err = client.SSHKey.Delete(ctx, key)
	check(err)
	fmt.Println("go", hcloud.Version)
}
