package adopt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/weaviate/weaviate/entities/models"

	"github.com/latentask/latentask/internal/client"
)

// wakePoll is the time between two looks at a tenant that wakes up, wakeLimit
// how long one is waited for.
const (
	wakePoll  = 200 * time.Millisecond
	wakeLimit = 10 * time.Minute
)

// eachTenant does something for every tenant of the plan, or once for a
// collection without tenants. A tenant that is not active is activated in the
// collection and its target, and put back afterwards, also where work fails.
func (r *Runner) eachTenant(ctx context.Context, p *Plan, work func(ctx context.Context, tenant string) error) error {
	if p.Tenants == nil {
		return work(ctx, "")
	}
	class, err := r.Client.Collection(ctx, p.Target)
	if err != nil {
		return permitted(err, "read the schema of "+p.Target, "read_collections on "+p.Target)
	}
	mark, _ := ReadMark(class.Description)
	if err := r.createTenants(ctx, p, mark); err != nil {
		return err
	}
	if err := r.leftAwake(ctx, p, mark); err != nil {
		return fmt.Errorf("tenant %s: %w", mark.Woken, err)
	}
	for _, t := range p.Tenants {
		if t.Name == mark.Woken {
			t.ActivityStatus = mark.WokenFrom
		}
		if err := r.oneTenant(ctx, p, t, work); err != nil {
			return fmt.Errorf("tenant %s: %w", t.Name, err)
		}
	}
	return nil
}

// createTenants gives the target those of the plan's tenants that it lacks, as
// active as the collection's.
func (r *Runner) createTenants(ctx context.Context, p *Plan, mark Mark) error {
	there, err := r.Client.Tenants(ctx, p.Target)
	if err != nil {
		return permitted(err, "read the tenants of "+p.Target, "read_tenants on "+p.Target)
	}
	known := map[string]bool{}
	for _, t := range there {
		known[t.Name] = true
	}
	var lacking []models.Tenant
	for _, t := range p.Tenants {
		if known[t.Name] {
			continue
		}
		status := models.TenantActivityStatusINACTIVE
		if active(t) && t.Name != mark.Woken {
			status = models.TenantActivityStatusACTIVE
		}
		lacking = append(lacking, models.Tenant{Name: t.Name, ActivityStatus: status})
	}
	return permitted(r.Client.CreateTenants(ctx, p.Target, lacking...), "create tenants of "+p.Target, "create_tenants on "+p.Target)
}

// oneTenant does the work of one tenant, which t holds as it was before.
func (r *Runner) oneTenant(ctx context.Context, p *Plan, t models.Tenant, work func(context.Context, string) error) (err error) {
	if active(t) {
		return work(ctx, t.Name)
	}
	if err := r.remark(ctx, p, t.Name, t.ActivityStatus); err != nil {
		return err
	}
	defer func() {
		// What was woken is put to sleep, also when ctx has ended.
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, r.putBack(after, p, t.Name, t.ActivityStatus))
	}()
	for _, collection := range []string{p.Collection, p.Target} {
		if err := r.activity(ctx, collection, t.Name, models.TenantActivityStatusACTIVE); err != nil {
			return err
		}
		if err := r.awake(ctx, collection, t.Name); err != nil {
			return err
		}
	}
	return work(ctx, t.Name)
}

// putBack puts a tenant to sleep that was woken, and strikes out that it is awake.
func (r *Runner) putBack(ctx context.Context, p *Plan, tenant, status string) error {
	if err := errors.Join(
		r.activity(ctx, p.Collection, tenant, status),
		r.activity(ctx, p.Target, tenant, models.TenantActivityStatusINACTIVE),
	); err != nil {
		return err
	}
	return r.remark(ctx, p, "", "")
}

// leftAwake puts a tenant back that a run was killed in and that is none of this
// run's: there is room for one name.
func (r *Runner) leftAwake(ctx context.Context, p *Plan, mark Mark) error {
	ours := func(t models.Tenant) bool { return t.Name == mark.Woken }
	if mark.Woken == "" || slices.ContainsFunc(p.Tenants, ours) {
		return nil
	}
	_, err := r.Client.Tenant(ctx, p.Collection, mark.Woken)
	switch {
	case client.Status(err) == http.StatusNotFound:
		return r.remark(ctx, p, "", "") // it was deleted
	case err != nil:
		return permitted(err, "read the tenants of "+p.Collection, "read_tenants on "+p.Collection)
	}
	return r.putBack(ctx, p, mark.Woken, mark.WokenFrom)
}

func (r *Runner) activity(ctx context.Context, collection, tenant, status string) error {
	err := r.Client.UpdateTenants(ctx, collection, models.Tenant{Name: tenant, ActivityStatus: status})
	return permitted(err, "set the activity of tenants of "+collection, "update_tenants on "+collection)
}

// awake waits until a tenant can be read.
func (r *Runner) awake(ctx context.Context, collection, tenant string) error {
	ctx, cancel := context.WithTimeout(ctx, wakeLimit)
	defer cancel()
	tick := time.NewTicker(wakePoll)
	defer tick.Stop()
	for {
		t, err := r.Client.Tenant(ctx, collection, tenant)
		if err != nil {
			return permitted(err, "read the tenants of "+collection, "read_tenants on "+collection)
		}
		if active(*t) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it is still %s: %w", t.ActivityStatus, ctx.Err())
		case <-tick.C:
		}
	}
}

// remark writes down in the target's description which tenant is awake, so that
// a run after a kill puts it back.
func (r *Runner) remark(ctx context.Context, p *Plan, woken, from string) error {
	class, err := r.Client.Collection(ctx, p.Target)
	if err != nil {
		return permitted(err, "read the schema of "+p.Target, "read_collections on "+p.Target)
	}
	mark := Mark{Of: p.Collection, Way: p.Way, Woken: woken, WokenFrom: from}
	class.Description = mark.On(class.Description)
	return permitted(r.Client.UpdateClass(ctx, class), "change the schema of "+p.Target, "update_collections on "+p.Target)
}

// exists tells whether a collection is there.
func (r *Runner) exists(ctx context.Context, collection string) (*models.Class, error) {
	class, err := r.Client.Collection(ctx, collection)
	if errors.Is(err, client.ErrNoCollection) {
		return nil, nil
	}
	return class, err
}
